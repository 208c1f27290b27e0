// What a short skip connection adds to a conv stage: nothing, its own input pixel, or a 1x1 projection.
//
// The stage calls accept(word) for every stream word it takes, beat(...) in the centre tap's beats and
// join(...) for each output channel of a group at its last beat, after beat. `waiting` counts the stream
// words from the current pixel's first one to the newest; has_room says whether one more may come.
#ifndef TAILOR_SHORT_SKIP_H_
#define TAILOR_SHORT_SKIP_H_

#include "dialect.h"
#include "multiply.h"
#include "shift_register.h"
#include "words.h"

namespace tailor {

// In the place of a projection's weights and biases.
struct NoWeights {};

// A stage without a short skip.
struct NoSkip {
    typedef int waiting_t;
    static const int kPixelWords = 0;

    static bool has_room(waiting_t) { return true; }
    template <class W> void accept(const W &, waiting_t &) {}
    template <class X, class G, class I> void beat(const X &, G, I, const NoWeights &, const NoWeights &) {}
    template <class Sum, class A, class G> Sum join(const A &accumulator, G, int, waiting_t) const {
        return accumulator;
    }
};

// Identity: the stage's input pixels wait in a shift register, one shift per accepted word, until the
// stage comes to the output pixel of the same place.
//
// K: input_t, channels, lanes (of a word), pe, depth_pixels.
template <class K> class IdentitySkip {
  public:
    static const int kPixelWords = K::channels / K::lanes;
    static const int kDepthWords = K::depth_pixels * kPixelWords;
    typedef typename Word<typename K::input_t, K::lanes>::type word_t;
    typedef typename Count<kDepthWords>::type waiting_t;

    static bool has_room(waiting_t waiting) { return waiting < kDepthWords; }

    void accept(const word_t &word, waiting_t &waiting) {
        TAILOR_INLINE
        TAILOR_COPIES(line_)
    copy_loop:
        for (int copy = 0; copy < kCopies; ++copy) {
            TAILOR_UNROLL
            line_[copy].shift(word);
        }
        ++waiting;
    }

    template <class X, class G, class I> void beat(const X &, G, I, const NoWeights &, const NoWeights &) {}

    // The accumulator of channel group * pe + lane, plus that channel of the current pixel.
    template <class Sum, class A, class G> Sum join(const A &accumulator, G group, int lane, waiting_t waiting) const {
        TAILOR_INLINE
        const int copy = lane / kChannelsPerCopy;
        const int channel = group * K::pe + lane;
        const word_t word = line_[copy].read(waiting - 1 - (group * K::pe + copy * kChannelsPerCopy) / K::lanes);
        return accumulator + get_lane<typename K::input_t>(word, channel % K::lanes);
    }

  private:
    // A shift register has one read a cycle, so there is a copy for each word that a group touches:
    // one where words hold whole groups, pe / lanes where groups hold whole words, else one a channel.
    static const int kCopies = K::lanes % K::pe == 0 ? 1 : (K::pe % K::lanes == 0 ? K::pe / K::lanes : K::pe);
    static const int kChannelsPerCopy = K::pe / kCopies;

    ShiftRegister<word_t, kDepthWords> line_[kCopies];
};

// Projection: a 1x1 convolution of the centre tap's pixel on pe x simd multipliers of its own, exact,
// beside the stage's convolution. Nothing is stored.
//
// K: input_t, weight_t, accumulator_t, in_channels, out_channels, pe, simd, multiplier.
template <class K> class ProjectionSkip {
  public:
    static const int kInGroups = K::in_channels / K::simd;
    static const int kOutGroups = K::out_channels / K::pe;
    static const int kPixelWords = 0;
    typedef int waiting_t;

    static bool has_room(waiting_t) { return true; }
    template <class W> void accept(const W &, waiting_t &) {}

    template <class G, class I>
    void beat(const typename K::input_t x[K::simd], G group, I in_group,
              const typename K::weight_t (&weight)[kOutGroups * kInGroups][K::pe * K::simd],
              const typename K::accumulator_t (&bias)[kOutGroups][K::pe]) {
        TAILOR_INLINE
        TAILOR_REGISTERS(accumulator_)
        const typename Count<kOutGroups * kInGroups>::type row = group * kInGroups + in_group;
    projection_loop:
        for (int p = 0; p < K::pe; ++p) {
            TAILOR_UNROLL
            typename K::accumulator_t sum = in_group == 0 ? bias[group][p] : accumulator_[p];
        projection_simd_loop:
            for (int i = 0; i < K::simd; ++i) {
                TAILOR_UNROLL
                sum += Multiply<K::multiplier>::of(x[i], weight[row][p * K::simd + i]);
            }
            accumulator_[p] = sum;
        }
    }

    template <class Sum, class A, class G> Sum join(const A &accumulator, G, int lane, waiting_t) const {
        TAILOR_INLINE
        return accumulator + accumulator_[lane];
    }

  private:
    typename K::accumulator_t accumulator_[K::pe];
};

} // namespace tailor

#endif
