// A shift register with one free read: newest word first.
//
// One shift and one read of any place a cycle. Vitis HLS infers an addressable shift register (SRL)
// from this loop and index (UG1399, "Inferring Shift Registers").
#ifndef TAILOR_SHIFT_REGISTER_H_
#define TAILOR_SHIFT_REGISTER_H_

#include "dialect.h"

namespace tailor {

template <class T, int Depth> class ShiftRegister {
  public:
    // The word that came `age` shifts before the newest one.
    T read(int age) const {
        TAILOR_INLINE
        return words_[age];
    }
    // Takes a word; the oldest one falls out.
    void shift(const T &word) {
        TAILOR_INLINE
    shift_loop:
        for (int place = Depth - 1; place > 0; --place) {
            TAILOR_UNROLL
            words_[place] = words_[place - 1];
        }
        words_[0] = word;
    }

  private:
    T words_[Depth];
};

} // namespace tailor

#endif
