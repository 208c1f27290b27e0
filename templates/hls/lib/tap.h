// A tap: a second reader of a conv stage's ring, which sends the stage's input pixels on to a skip connection.
//
// Contract
//   Order      The pixels of the stage's input in raster order, `lanes` channels a word.
//   Port       It reads where the ring is written, in iterations without a write, one word of its stream at
//              a time: when the word is in the ring and the stream has room.
//   Release    A ring word is given up when the window and the tap have both passed it.
//   Frame edge It needs no new input for the frame's last pixels. A call ends when the tap has sent its frame,
//              or its stream is full: the next call goes on with it, also without any input, so that the
//              stage can begin the next frame while the skip's reader finishes this one.
#ifndef TAILOR_TAP_H_
#define TAILOR_TAP_H_

#include "dialect.h"
#include "join.h"
#include "sizes.h"
#include "window.h"
#include "words.h"

namespace tailor {

// A stage without a tap: there is nothing that it holds back.
template <class C> struct NoTap {
    typedef Nothing port_t;

    static int passed(int released) { return released; }
    static bool holds_call(const port_t &) { return false; }
    static bool waits(int) { return false; }
    template <class Ring, class Monitor> bool push(const Ring &, int, port_t &, Monitor &) { return false; }
    void next_frame() {}
};

template <class C> class RingTap {
    typedef ConvSizes<C> S;
    static const int kHeldLanes = Larger<S::kWordLanes, C::tap_lanes>::value;
    static const int kSlices = kHeldLanes / C::tap_lanes; // stream words of a ring word
    static const int kWords = kHeldLanes / S::kWordLanes; // ring words of a stream word
    static_assert(kHeldLanes % C::tap_lanes == 0 && kHeldLanes % S::kWordLanes == 0, "tap and ring do not pack");
    static_assert(C::form == READ_SERIAL, "a tap reads a ring of one RAM");

  public:
    typedef typename Stream<typename C::input_t, C::tap_lanes>::type port_t;

    // Words of the frame that window and tap have both passed.
    int passed(int released) const { return released < read_ ? released : int(read_); }
    bool holds_call(const port_t &port) const { return read_ < S::kFrameWords && !port.full(); }
    // Whether a word that is in the ring has not been read.
    bool waits(int loaded) const { return read_ < loaded; }

    // Sends a word if it can.
    template <class Monitor>
    bool push(const typename S::ring_t &ring, int loaded, port_t &port, Monitor &monitor) {
        TAILOR_INLINE
        if (!waits(loaded) || port.full()) return false;
        held_ = append(held_, ring[0][address_]);
        monitor.reads(address_);
        if (++words_ == kWords) {
            words_ = 0;
            const ap_uint<kWidth> word = held_.range((slice_ + 1) * kWidth - 1, slice_ * kWidth);
            write_word(port, word);
        }
        if (++slice_ == kSlices) {
            slice_ = 0;
            address_ = ring_add<S::kBankWords>(address_, 1);
            ++read_;
        }
        return true;
    }
    void next_frame() { read_ -= S::kFrameWords; }

  private:
    static const int kWidth = C::input_t::width * C::tap_lanes;

    // A static of the stage: all of it begins as zero.
    typename S::words_t read_; // ring words of this frame; negative while words of the last one wait
    typename S::address_t address_;
    typename Count<kSlices>::type slice_;
    typename Word<typename C::input_t, kHeldLanes>::type held_; // ring words of a stream word, the newest on top
    typename Count<kWords>::type words_;
};

} // namespace tailor

#endif
