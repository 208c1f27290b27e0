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

#include "access_monitor.h"
#include "dialect.h"
#include "hls_stream.h"
#include "multiply.h"
#include "short_skip.h"
#include "words.h"

// Iterations between a write of a ring word and its read, and back: one for the counters' register,
// one for the memory's. A macro, as pragmas want a literal.
#define TAILOR_RING_DISTANCE 2

namespace tailor {

// What follows from a stage's Config. "Words" without another noun are ring words.
template <class C> struct ConvSizes {
    static const int kWordLanes = Larger<C::simd, C::in_lanes>::value;
    static const int kParts = kWordLanes / C::in_lanes;  // stream words that fill a ring word
    static const int kSlices = kWordLanes / C::simd;     // beats that read one ring word
    static const int kPixelWords = C::in_channels / kWordLanes;
    static const int kRowWords = C::in_width * kPixelWords;
    static const int kFrameWords = C::in_height * kRowWords;
    static const int kRingWords = C::ring_pixels * kPixelWords;

    static const int kInGroups = C::in_channels / C::simd;
    static const int kOutGroups = C::out_channels / C::pe;
    static const int kGroupBeats = C::kernel_height * C::kernel_width * kInGroups;
    static const int kPixelBeats = kOutGroups * kGroupBeats;

    // Steps through the ring, each less than once around it.
    static const int kColumnStep = C::stride_width * kPixelWords % kRingWords;
    static const int kRowStep = C::stride_height * kRowWords % kRingWords;
    static const int kTapRowStep =
        ((C::in_width - C::kernel_width) * kPixelWords % kRingWords + kRingWords) % kRingWords;
    static const int kFrameStep = kFrameWords % kRingWords;
    static const int kRowNeedStep = C::stride_height * kRowWords;
    static const int kColumnNeedStep = C::stride_width * kPixelWords;
    // The first window begins in the padding: this many words before the frame's first one.
    static const int kBefore = (C::pad_height * kRowWords + C::pad_width * kPixelWords) % kRingWords;
    static const int kFirstOrigin = (kRingWords - kBefore) % kRingWords;

    // Words that the first row's (column's) windows need: rows above the last one in full, and the
    // pixels of the last one.
    static const int kFirstRowNeed =
        Smaller<C::kernel_height - 1 - C::pad_height, C::in_height - 1>::value * kRowWords;
    static const int kFirstColumnNeed = Smaller<C::kernel_width - C::pad_width, C::in_width>::value * kPixelWords;
    static const int kLastRowNeed = (C::in_height - 1) * kRowWords;
    static const int kLastColumnNeed = C::in_width * kPixelWords;

    typedef typename Count<kRingWords>::type address_t;
    typedef typename Count<2 * (kFrameWords + kRingWords)>::type words_t;
    typedef typename Word<typename C::input_t, C::in_lanes>::type in_word_t;
    typedef typename Word<typename C::input_t, kWordLanes>::type ring_word_t;
    typedef typename Word<typename C::output_t, C::out_lanes>::type out_word_t;
};

// address + step in a ring of `Words`; step < Words.
template <int Words> int ring_add(int address, int step) {
    TAILOR_INLINE
    const int sum = address + step;
    return sum >= Words ? sum - Words : sum;
}

// value + step, but at most `limit`.
inline int add_up_to(int value, int step, int limit) {
    TAILOR_INLINE
    const int sum = value + step;
    return sum > limit ? limit : sum;
}

// The stage's loop; `conv` and `conv_projected` below are its two faces.
template <class C, class ProjectionWeight, class ProjectionBias>
void conv_loop(hls::stream<typename ConvSizes<C>::in_word_t> &in, hls::stream<typename ConvSizes<C>::out_word_t> &out,
               const typename C::weight_t weight[ConvSizes<C>::kPixelBeats][C::pe * C::simd],
               const typename C::accumulator_t bias[ConvSizes<C>::kOutGroups][C::pe],
               const ProjectionWeight &projection_weight, const ProjectionBias &projection_bias) {
    TAILOR_INLINE
    typedef ConvSizes<C> S;
    typedef typename S::address_t address_t;
    typedef typename S::words_t words_t;

    static typename S::ring_word_t ring[S::kRingWords];
    TAILOR_BRAM(ring)
    TAILOR_DISTANCE(ring, TAILOR_RING_DISTANCE)
    static AccessMonitor<S::kRingWords, TAILOR_RING_DISTANCE> monitor;

    // Loader. It runs ahead into the next frame, so it remembers from call to call.
    static typename S::ring_word_t gathered = 0;       // the parts of the next ring word so far
    static typename Count<S::kParts>::type parts = 0;  // how many
    static address_t write_address = 0;
    static words_t loaded = 0; // of this frame, and of the next one
    static address_t frame_origin = S::kFirstOrigin;
    static typename C::skip_t skip;
    static typename C::skip_t::waiting_t waiting = 0; // of the skip's words, this pixel's first to the newest
    TAILOR_RESET(parts)
    TAILOR_RESET(write_address)
    TAILOR_RESET(loaded)
    TAILOR_RESET(frame_origin)
    TAILOR_RESET(waiting)

    // The window: where it lies in the frame (padding included) and in the ring, what it needs.
    typename Count<C::in_height + C::kernel_height + C::stride_height>::type top = -C::pad_height;
    typename Count<C::in_width + C::kernel_width + C::stride_width>::type left = -C::pad_width;
    address_t row_origin = frame_origin;
    address_t origin = frame_origin;
    words_t row_need = S::kFirstRowNeed;
    words_t column_need = S::kFirstColumnNeed;
    words_t row_release = 0;
    words_t release = 0;
    typename Count<C::out_height>::type row = 0;
    typename Count<C::out_width>::type column = 0;

    // The beat inside the pixel.
    typename Count<S::kPixelBeats>::type beat = 0;
    typename Count<S::kOutGroups>::type group = 0;
    typename Count<C::kernel_height>::type tap_row = 0;
    typename Count<C::kernel_width>::type tap_column = 0;
    typename Count<S::kInGroups>::type in_group = 0;
    typename Count<S::kSlices>::type slice = 0;
    address_t address = origin;

    typename C::accumulator_t accumulator[C::pe];
    TAILOR_REGISTERS(accumulator)
    Sender<typename C::output_t, C::pe, C::out_lanes> sender;

    // The counters as they were an iteration ago: what keeps accesses to the ring TAILOR_RING_DISTANCE apart.
    words_t settled_loaded = loaded;
    words_t settled_release = 0;
    bool computed = false;

    monitor.next_call();

cycle_loop:
    while (!computed || !sender.ready() || loaded < S::kFrameWords) {
        TAILOR_PIPELINE
        const words_t needed = computed ? S::kFrameWords : row_need + column_need;
        const bool has_room = loaded - settled_release < S::kRingWords && C::skip_t::has_room(waiting);
        const bool fed = settled_loaded >= needed;
        const bool starved = loaded < needed && beat == 0 && sender.ready();
        settled_loaded = loaded;
        settled_release = release;

        sender.send(out);
        const bool last_in_group = tap_row == C::kernel_height - 1 && tap_column == C::kernel_width - 1 &&
                                   in_group == S::kInGroups - 1;
        if (!computed && (beat != 0 || fed) && (!last_in_group || sender.ready())) {
            const bool first_in_group = tap_row == 0 && tap_column == 0 && in_group == 0;
            const bool last_in_pixel = last_in_group && group == S::kOutGroups - 1;
            const bool in_frame = top + tap_row >= 0 && top + tap_row < C::in_height && left + tap_column >= 0 &&
                                  left + tap_column < C::in_width;
            const bool in_centre = tap_row == C::pad_height && tap_column == C::pad_width;

            // Operands: simd channels of the tap's pixel, zero outside the frame.
            typename S::ring_word_t word = 0;
            if (in_frame) {
                word = ring[address];
                monitor.reads(address);
            }
            typename C::input_t x[C::simd];
            TAILOR_REGISTERS(x)
        operand_loop:
            for (int i = 0; i < C::simd; ++i) {
                TAILOR_UNROLL
                x[i] = get_lane<typename C::input_t>(word, slice * C::simd + i);
            }

        pe_loop:
            for (int p = 0; p < C::pe; ++p) {
                TAILOR_UNROLL
                typename C::accumulator_t sum = first_in_group ? bias[group][p] : accumulator[p];
            simd_loop:
                for (int i = 0; i < C::simd; ++i) {
                    TAILOR_UNROLL
                    sum += Multiply<C::multiplier>::of(x[i], weight[beat][p * C::simd + i]);
                }
                accumulator[p] = sum;
            }
            if (in_centre) skip.beat(x, group, in_group, projection_weight, projection_bias);

            if (last_in_group) {
                typename Word<typename C::output_t, C::pe>::type results;
            result_loop:
                for (int p = 0; p < C::pe; ++p) {
                    TAILOR_UNROLL
                    typename C::sum_t sum = skip.template join<typename C::sum_t>(accumulator[p], group, p, waiting);
                    if (C::relu && sum < 0) sum = 0;
                    const typename C::output_t result = sum;
                    set_lane(results, p, result);
                }
                sender.put(results);
            }

            // The next beat, and with the last one the next pixel.
            ++slice;
            ++in_group;
            ++beat;
            if (slice == S::kSlices) {
                slice = 0;
                address = ring_add<S::kRingWords>(address, 1);
            }
            if (in_group == S::kInGroups) {
                in_group = 0;
                if (++tap_column == C::kernel_width) {
                    tap_column = 0;
                    ++tap_row;
                    address = ring_add<S::kRingWords>(address, S::kTapRowStep);
                }
            }
            if (last_in_group) {
                tap_row = 0;
                ++group;
                address = origin;
            }
            if (last_in_pixel) {
                beat = 0;
                group = 0;
                waiting -= C::skip_t::kPixelWords;
                left += C::stride_width;
                column_need = add_up_to(column_need, S::kColumnNeedStep, S::kLastColumnNeed);
                origin = ring_add<S::kRingWords>(origin, S::kColumnStep);
                // Where the next row's windows begin with this row's first pixels, they stay.
                if (left > 0 && top + C::stride_height > 0) release = row_release + left * S::kPixelWords;
                if (++column == C::out_width) {
                    column = 0;
                    top += C::stride_height;
                    left = -C::pad_width;
                    row_need = add_up_to(row_need, S::kRowNeedStep, S::kLastRowNeed);
                    column_need = S::kFirstColumnNeed;
                    row_origin = ring_add<S::kRingWords>(row_origin, S::kRowStep);
                    origin = row_origin;
                    if (top > 0) row_release = top * S::kRowWords;
                    release = row_release;
                    if (++row == C::out_height) {
                        computed = true;
                        release = S::kFrameWords;
                    }
                }
                address = origin;
            }
        }

        if (has_room && (starved || !in.empty())) {
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
        monitor.next_iteration();
    }
    loaded -= S::kFrameWords;
    frame_origin = ring_add<S::kRingWords>(frame_origin, S::kFrameStep);
}

// A conv stage without a projection.
template <class C>
void conv(hls::stream<typename ConvSizes<C>::in_word_t> &in, hls::stream<typename ConvSizes<C>::out_word_t> &out,
          const typename C::weight_t weight[ConvSizes<C>::kPixelBeats][C::pe * C::simd],
          const typename C::accumulator_t bias[ConvSizes<C>::kOutGroups][C::pe]) {
    TAILOR_STAGE
    TAILOR_ROM(weight)
    TAILOR_ROM(bias)
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
    TAILOR_ROM(weight)
    TAILOR_ROM(bias)
    TAILOR_ROM(projection_weight)
    TAILOR_ROM(projection_bias)
    conv_loop<C>(in, out, weight, bias, projection_weight, projection_bias);
}

} // namespace tailor

#endif
