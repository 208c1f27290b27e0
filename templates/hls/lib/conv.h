// A convolution stage: pe x simd multipliers over a ring of input pixels, one beat a cycle.
//
//   in  --> [ring: the last rows] --> [pe dot products of simd channels] --> ReLU, requantize --> out
//
// Contract
//   Streams    Pixels in raster order, `in_lanes` (`out_lanes`) channels a word. One call is one frame.
//   Ring       `ring_pixels` input pixels. A word is taken whenever there is room, also one of the next
//              frame, but never waited for unless the next output pixel needs it. State that outlives a
//              call (ring, words taken in advance, short skip) is static, so each stage needs a Config
//              type of its own.
//   Start      An output pixel starts when all input pixels under its window are in the ring.
//   Beats      reuse_factor = out_channels / pe * taps * in_channels / simd, one a cycle, in the order
//              output group, tap row, tap column, input group. Padding is zero and costs its beats.
//   Release    At a pixel's last beat all input pixels before the next window are given up; at the
//              frame's last pixel the whole frame.
//   Output     A group of pe channels leaves `out_lanes` channels a word while the next one computes.
//   Numbers    The accumulator is exact. ReLU, then one assignment to output_t, whose modes round and
//              limit. A short skip joins before the ReLU, exact at the finer point (short_skip.h).
//   Deadlock   None of its own: it waits for input only with nothing left to send. Reconvergent paths
//              need FIFOs of at least the design's depth_live words.
//
// Config: input_t, weight_t, accumulator_t, sum_t, output_t, skip_t; in_height, in_width, in_channels,
// out_height, out_width, out_channels, kernel_height, kernel_width, stride_height, stride_width,
// pad_height, pad_width, pe, simd, in_lanes, out_lanes, ring_pixels, relu, multiplier.
#ifndef TAILOR_CONV_H_
#define TAILOR_CONV_H_

#include "dialect.h"
#include "hls_stream.h"
#include "loop_monitor.h"
#include "multiply.h"
#include "short_skip.h"
#include "window.h"
#include "words.h"

// Iterations between a write of a ring word and its read, and back: one for the counters' register,
// one for the memory's. A macro, as pragmas want a literal.
#define TAILOR_RING_DISTANCE 2

namespace tailor {

// One beat of pe dot products of simd channels, onto the accumulators of the output group.
template <class C>
void accumulate(typename C::accumulator_t accumulator[C::pe], const typename C::input_t x[C::simd],
                const typename C::weight_t weight[C::pe * C::simd], const typename C::accumulator_t bias[C::pe],
                bool first) {
    TAILOR_INLINE
pe_loop:
    for (int p = 0; p < C::pe; ++p) {
        TAILOR_UNROLL
        typename C::accumulator_t sum = first ? bias[p] : accumulator[p];
    simd_loop:
        for (int i = 0; i < C::simd; ++i) {
            TAILOR_UNROLL
            sum += Multiply<C::multiplier>::of(x[i], weight[p * C::simd + i]);
        }
        accumulator[p] = sum;
    }
}

// The stage's loop; `conv` and `conv_projected` below are its two faces.
template <class C, class ProjectionWeight, class ProjectionBias>
void conv_loop(hls::stream<typename ConvSizes<C>::in_word_t> &in, hls::stream<typename ConvSizes<C>::out_word_t> &out,
               const typename C::weight_t weight[ConvSizes<C>::kPixelBeats][C::pe * C::simd],
               const typename C::accumulator_t bias[ConvSizes<C>::kOutGroups][C::pe],
               const ProjectionWeight &projection_weight, const ProjectionBias &projection_bias) {
    TAILOR_INLINE
    typedef ConvSizes<C> S;

    static typename S::ring_word_t ring[S::kRingWords];
    TAILOR_BRAM(ring)
    TAILOR_DISTANCE(ring, TAILOR_RING_DISTANCE)
    static LoopMonitor<S::kRingWords, TAILOR_RING_DISTANCE> monitor;

    // Loader. It runs ahead into the next frame, so it remembers from call to call.
    static typename S::ring_word_t gathered = 0;      // the parts of the next ring word so far
    static typename Count<S::kParts>::type parts = 0; // how many
    static typename S::address_t write_address = 0;
    static typename S::words_t loaded = 0; // of this frame, and of the next one
    static typename S::address_t frame_origin = Window<C>::kFirstOrigin;
    static typename C::skip_t skip;
    static typename C::skip_t::waiting_t waiting = 0; // of the skip's words, this pixel's first to the newest
    TAILOR_RESET(parts)
    TAILOR_RESET(write_address)
    TAILOR_RESET(loaded)
    TAILOR_RESET(frame_origin)
    TAILOR_RESET(waiting)

    Window<C> window(frame_origin);
    typename C::accumulator_t accumulator[C::pe];
    TAILOR_REGISTERS(accumulator)
    Sender<typename C::output_t, C::pe, C::out_lanes> sender;

    // The counters as they were an iteration ago: what keeps accesses to the ring TAILOR_RING_DISTANCE apart.
    typename S::words_t settled_loaded = loaded;
    typename S::words_t settled_release = 0;
    monitor.next_call();

cycle_loop:
    while (!window.computed() || !sender.ready() || loaded < S::kFrameWords) {
        TAILOR_PIPELINE
        const bool fed = !window.starts_pixel() || settled_loaded >= window.needed();
        const bool starved = window.starts_pixel() && loaded < window.needed() && sender.ready();
        const bool has_room = loaded - settled_release < S::kRingWords && C::skip_t::has_room(waiting);
        settled_loaded = loaded;
        settled_release = window.released();

        const bool sends = !sender.ready();
        sender.send(out);

        const bool computes = !window.computed() && fed && (!window.ends_group() || sender.ready());
        if (computes) {
            typename S::ring_word_t word = 0;
            if (window.in_frame()) {
                word = ring[window.address()];
                monitor.reads(window.address());
            }
            typename C::input_t x[C::simd];
            TAILOR_REGISTERS(x)
        operand_loop:
            for (int i = 0; i < C::simd; ++i) {
                TAILOR_UNROLL
                x[i] = get_lane<typename C::input_t>(word, window.slice() * C::simd + i);
            }
            accumulate<C>(accumulator, x, weight[window.beat()], bias[window.group()], window.starts_group());
            if (window.in_centre()) {
                skip.beat(x, window.group(), window.in_group(), projection_weight, projection_bias);
            }

            if (window.ends_group()) {
                typename Word<typename C::output_t, C::pe>::type results;
            result_loop:
                for (int p = 0; p < C::pe; ++p) {
                    TAILOR_UNROLL
                    typename C::sum_t sum =
                        skip.template join<typename C::sum_t>(accumulator[p], window.group(), p, waiting);
                    if (C::relu && sum < 0) sum = 0;
                    const typename C::output_t result = sum;
                    set_lane(results, p, result);
                }
                sender.put(results);
            }
            if (window.ends_pixel()) waiting -= C::skip_t::kPixelWords;
            window.advance();
        }

        const bool takes = has_room && (starved || !in.empty());
        if (takes) {
            const typename S::in_word_t word = in.read();
            skip.accept(word, waiting);
            gathered = append(gathered, word);
            if (++parts == S::kParts) {
                parts = 0;
                ring[write_address] = gathered;
                monitor.writes(write_address);
                write_address = ring_add<S::kRingWords>(write_address, 1);
                ++loaded;
            }
        }
        monitor.next_iteration(sends || computes || takes);
    }
    loaded -= S::kFrameWords;
    frame_origin = ring_add<S::kRingWords>(frame_origin, S::kFrameWords % S::kRingWords);
}

// A conv stage without a projection.
template <class C>
void conv(hls::stream<typename ConvSizes<C>::in_word_t> &in, hls::stream<typename ConvSizes<C>::out_word_t> &out,
          const typename C::weight_t weight[ConvSizes<C>::kPixelBeats][C::pe * C::simd],
          const typename C::accumulator_t bias[ConvSizes<C>::kOutGroups][C::pe]) {
    TAILOR_STAGE
    TAILOR_WIDE(weight)
    TAILOR_WIDE(bias)
    conv_loop<C>(in, out, weight, bias, NoWeights(), NoWeights());
}

// A conv stage whose short skip is a projection.
template <class C>
void conv_projected(
    hls::stream<typename ConvSizes<C>::in_word_t> &in, hls::stream<typename ConvSizes<C>::out_word_t> &out,
    const typename C::weight_t weight[ConvSizes<C>::kPixelBeats][C::pe * C::simd],
    const typename C::accumulator_t bias[ConvSizes<C>::kOutGroups][C::pe],
    const typename C::projection_weight_t (&projection_weight)[C::skip_t::kOutGroups * C::skip_t::kInGroups]
                                                              [C::pe * C::simd],
    const typename C::projection_accumulator_t (&projection_bias)[C::skip_t::kOutGroups][C::pe]) {
    TAILOR_STAGE
    TAILOR_WIDE(weight)
    TAILOR_WIDE(bias)
    TAILOR_WIDE(projection_weight)
    TAILOR_WIDE(projection_bias)
    conv_loop<C>(in, out, weight, bias, projection_weight, projection_bias);
}

} // namespace tailor

#endif
