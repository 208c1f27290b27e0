// A residual add inside a conv stage: where the skip operand comes from, and how it meets the main one.
//
// Contract of a source (C::skip_t), which the stage calls at these places:
//   accept(word)   for every stream word that the stage takes in
//   receive(port)  once an iteration, when the current pixel may run: takes at most one word of a skip
//                  stream, if there is one; whether it did
//   weight<M>(w, d)  for every weight: what is multiplied in its place, of type M; `d`: its input and output
//                  channel are the same, and its tap is the centre
//   beat(x, ...)   in the beats that read the centre tap
//   ready()        the operands of the whole group are there; the group's last beat waits for it
//   join(main, p)  in the group's last beat, after beat: main + skip of the group's channel p, exact in the
//                  type of main
//   next_group(), next_pixel()
// `waiting` is the source's counter; it is the stage's own static, so that a reset reaches it.
#ifndef TAILOR_JOIN_H_
#define TAILOR_JOIN_H_

#include "dialect.h"
#include "multiply.h"
#include "shift_register.h"
#include "streams.h"
#include "words.h"

namespace tailor {

// In the place of what a stage does not have: a skip stream, a projection's weights and biases.
struct Nothing {};

// What most sources leave as it is.
struct SourceDefaults {
    typedef int waiting_t;

    static bool has_room(waiting_t) { return true; }
    static bool ready(waiting_t) { return true; }
    template <class W> void accept(const W &, waiting_t &) {}
    template <class Port> bool receive(Port &, waiting_t &) { return false; }
    template <class M, class W> static M weight(const W &value, bool) { return value; }
    template <class X, class Window, class PW, class PB> void beat(const X &, const Window &, const PW &, const PB &) {}
    void next_group(waiting_t &) {}
    static void next_pixel(waiting_t &) {}
};

// A stage without a join, or one whose operand its multipliers have added already.
struct NoSkip : SourceDefaults {
    template <class Sum, class Window> Sum join(const Sum &main, const Window &, int, waiting_t) const { return main; }
};

// CENTRE, style pre: the operand is the window's centre tap, one more times each weight on the diagonal. In a
// DSP the sum weight + 1.0 is its pre-adder's; nothing is stored.
struct CentreInWeight : NoSkip {
    template <class M, class W> static M weight(const W &value, bool diagonal) {
        TAILOR_INLINE
        const ap_ufixed<1, 1> one = diagonal;
        return value + one;
    }
};

// CENTRE, style post: the group's channels of the centre tap wait in registers for the group's last beat.
//
// K: input_t, pe, tap_lanes, centre_tap (of a beat).
template <class K> class CentreSkip : public SourceDefaults {
  public:
    template <class X, class Window>
    void beat(const X &x, const Window &window, const Nothing &, const Nothing &) {
        TAILOR_INLINE
        TAILOR_REGISTERS(held_)
    held_loop:
        for (int p = 0; p < K::pe; ++p) {
            TAILOR_UNROLL
        channel_loop:
            for (int i = 0; i < K::tap_lanes; ++i) {
                TAILOR_UNROLL
                const bool same = window.in_group() * K::tap_lanes + i == window.group() * K::pe + p;
                if (same) held_[p] = x[K::centre_tap * K::tap_lanes + i];
            }
        }
    }
    template <class Sum, class Window> Sum join(const Sum &main, const Window &, int p, waiting_t) const {
        TAILOR_INLINE
        return main + held_[p];
    }

  private:
    typename K::input_t held_[K::pe];
};

// STREAM: another stage sends the operand, `lanes` channels a word, in the order of the stage's own results.
// Words are taken one an iteration while the group computes that needs them.
//
// K: operand_t, lanes, pe.
template <class K> class StreamSkip : public SourceDefaults {
    static const int kHeldLanes = Larger<K::pe, K::lanes>::value;
    static const int kWords = kHeldLanes / K::lanes; // of a group, where a group takes several
    static const int kGroups = kHeldLanes / K::pe;   // of a word, where a word has several
    static_assert(kHeldLanes % K::pe == 0 && kHeldLanes % K::lanes == 0, "groups and words do not pack");

  public:
    typedef typename Stream<typename K::operand_t, K::lanes>::type port_t;
    typedef typename Count<kWords * kGroups>::type waiting_t; // words, or groups, that are held

    static bool has_room(waiting_t) { return true; }
    static bool ready(waiting_t waiting) { return kGroups > 1 ? waiting != 0 : waiting == kWords; }
    template <class W> void accept(const W &, waiting_t &) {}

    bool receive(port_t &port, waiting_t &waiting) {
        TAILOR_INLINE
        if (ready(waiting) || port.empty()) return false;
        held_ = append(held_, read_word(port));
        waiting += kGroups;
        return true;
    }
    template <class Sum, class Window> Sum join(const Sum &main, const Window &, int p, waiting_t) const {
        TAILOR_INLINE
        return main + get_lane<typename K::operand_t>(held_, p);
    }
    void next_group(waiting_t &waiting) {
        TAILOR_INLINE
        if (kGroups > 1) held_ = held_ >> (K::pe * K::operand_t::width);
        waiting -= kWords;
    }
    template <class X, class Window, class PW, class PB> void beat(const X &, const Window &, const PW &, const PB &) {}
    static void next_pixel(waiting_t &) {}

  private:
    typename Word<typename K::operand_t, kHeldLanes>::type held_; // the group's first channel lowest
};

// SHIFT_REGISTER: the stage's input pixels wait in a shift register, one shift per accepted word, until the
// stage comes to the output pixel of the same place.
//
// K: input_t, channels, lanes (of a word), pe, depth_pixels.
template <class K> class IdentitySkip : public SourceDefaults {
  public:
    static const int kPixelWords = K::channels / K::lanes;
    static const int kDepthWords = K::depth_pixels * kPixelWords;
    typedef typename Word<typename K::input_t, K::lanes>::type word_t;
    typedef typename Count<kDepthWords>::type waiting_t; // words from the current pixel's first to the newest

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
    template <class Sum, class Window> Sum join(const Sum &main, const Window &window, int p, waiting_t waiting) const {
        TAILOR_INLINE
        const int copy = p / kChannelsPerCopy;
        const int first = window.group() * K::pe;
        const word_t word = line_[copy].read(waiting - 1 - (first + copy * kChannelsPerCopy) / K::lanes);
        return main + get_lane<typename K::input_t>(word, (first + p) % K::lanes);
    }
    static bool ready(waiting_t) { return true; }
    template <class Port> bool receive(Port &, waiting_t &) { return false; }
    void next_group(waiting_t &) {}
    static void next_pixel(waiting_t &waiting) { waiting -= kPixelWords; }

  private:
    // A shift register has one read a cycle, so there is a copy for each word that a group touches:
    // one where words hold whole groups, pe / lanes where groups hold whole words, else one a channel.
    static const int kCopies = K::lanes % K::pe == 0 ? 1 : (K::pe % K::lanes == 0 ? K::pe / K::lanes : K::pe);
    static const int kChannelsPerCopy = K::pe / kCopies;

    ShiftRegister<word_t, kDepthWords> line_[kCopies];
};

// PROJECTION: a 1x1 convolution of the centre tap's pixel on pe x tap_lanes multipliers of its own, exact,
// beside the stage's convolution. Nothing is stored.
//
// K: input_t, weight_t, accumulator_t, in_channels, out_channels, pe, tap_lanes, centre_tap, multiplier.
template <class K> class ProjectionSkip : public SourceDefaults {
  public:
    static const int kInGroups = K::in_channels / K::tap_lanes;
    static const int kOutGroups = K::out_channels / K::pe;
    typedef typename K::weight_t weights_t[kOutGroups * kInGroups][K::pe * K::tap_lanes];
    typedef typename K::accumulator_t biases_t[kOutGroups][K::pe];

    template <class X, class Window>
    void beat(const X &x, const Window &window, const weights_t &weight, const biases_t &bias) {
        TAILOR_INLINE
        TAILOR_REGISTERS(accumulator_)
        const typename Count<kOutGroups * kInGroups>::type row = window.group() * kInGroups + window.in_group();
    projection_loop:
        for (int p = 0; p < K::pe; ++p) {
            TAILOR_UNROLL
            typename K::accumulator_t sum = window.in_group() == 0 ? bias[window.group()][p] : accumulator_[p];
        projection_simd_loop:
            for (int i = 0; i < K::tap_lanes; ++i) {
                TAILOR_UNROLL
                sum += Multiply<K::multiplier>::of(x[K::centre_tap * K::tap_lanes + i], weight[row][p * K::tap_lanes + i]);
            }
            accumulator_[p] = sum;
        }
    }
    template <class Sum, class Window> Sum join(const Sum &main, const Window &, int p, waiting_t) const {
        TAILOR_INLINE
        return main + accumulator_[p];
    }

  private:
    typename K::accumulator_t accumulator_[K::pe];
};

} // namespace tailor

#endif
