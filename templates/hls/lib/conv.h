// A convolution stage: pe x simd multipliers over a ring of input pixels, one beat a cycle.
//
//   in  --> [ring: the last rows] --> [pe dot products of simd channels] --> ReLU, requantize --> out
//                 |                                                           ^
//                 +--> tap (input pixels for a skip connection)     skip -----+  (join)
//
// Contract
//   Streams    Pixels in raster order, `in_lanes` (`out_lanes`) channels a word. One call is one frame.
//   Ring       `ring_pixels` input pixels. A word is taken whenever there is room, also one of the next
//              frame, but never waited for unless the next output pixel needs it. State that outlives a
//              call (ring, words taken in advance, tap, shift register) is static, so each stage needs a
//              Config type of its own.
//   Start      An output pixel starts when all input pixels under its window are in the ring.
//   Beats      reuse_factor = out_channels / pe * taps * in_channels / simd, one a cycle, in the order
//              output group, tap row, tap column, input group; taps that `form` reads at once are no loop
//              but lanes (operands.h). Padding is zero; with skip_padding, taps of the walk that lie outside
//              the image cost no beat, else they cost theirs.
//   Release    At a pixel's last beat all input pixels before the next window's corner are given up; at the
//              frame's last pixel the whole frame. A tap keeps what it has not yet read (tap.h).
//   Output     A group of pe channels leaves `out_lanes` channels a word while the next one computes.
//   Numbers    The accumulator is exact. A join (join.h) adds the skip operand exactly at the finer point,
//              before the ReLU or (joins_after_relu) after it. Then one assignment to output_t, whose modes
//              round and limit.
//   Deadlock   None of its own: no access to a stream holds up another one, except that it waits for input
//              when there is nothing else to do. Reconvergent paths need FIFOs of at least the design's
//              depth_live words.
//
// Config: input_t, weight_t, multiplied_t, accumulator_t, sum_t, output_t, skip_t; in_height, in_width, in_channels,
// out_height, out_width, out_channels, kernel_height, kernel_width, stride_height, stride_width, pad_height,
// pad_width, pe, simd, in_lanes, out_lanes, ring_pixels, form, skip_padding, relu, joins_after_relu,
// multiplier, packed_shift; tap_lanes with a tap; projection_weight_t, projection_accumulator_t with a projection.
#ifndef TAILOR_CONV_H_
#define TAILOR_CONV_H_

#include "dialect.h"
#include "dot_product.h"
#include "join.h"
#include "loop_monitor.h"
#include "operands.h"
#include "sender.h"
#include "sizes.h"
#include "streams.h"
#include "tap.h"
#include "window.h"
#include "words.h"

namespace tailor {

// Iterations between a write of a ring word and its read, and back: one for the counters' register,
// one for the memory's.
static const int kRingDistance = 2;

// The stage's loop; the functions below are its faces.
template <class C, class Tap, class SkipPort, class ProjectionWeight, class ProjectionBias>
void conv_loop(typename ConvSizes<C>::ring_t &ring, typename ConvSizes<C>::in_stream_t &in,
               SkipPort &skip_in, typename ConvSizes<C>::out_stream_t &out, typename Tap::port_t &tap_out,
               const typename ConvSizes<C>::weights_t &weight, const typename ConvSizes<C>::biases_t &bias,
               const ProjectionWeight &projection_weight, const ProjectionBias &projection_bias) {
    TAILOR_INLINE
    typedef ConvSizes<C> S;
    static LoopMonitor<S::kRingWords, kRingDistance> monitor;

    // Loader. It runs ahead into the next frame, so it remembers from call to call.
    static typename S::ring_word_t gathered = 0;      // the parts of the next ring word so far
    static typename Count<S::kParts>::type parts = 0; // how many
    static typename Count<S::kBanks>::type write_bank = 0;
    static typename S::address_t write_address = 0;
    static typename S::words_t loaded = 0; // of this frame, and of the next one
    static typename Window<C>::origin_t frame_origin = 0;
    static typename C::skip_t skip;
    static typename C::skip_t::waiting_t waiting = 0;
    static Operands<C, C::form> operands;
    static Tap tap;
    TAILOR_RESET(parts)
    TAILOR_RESET(write_bank)
    TAILOR_RESET(write_address)
    TAILOR_RESET(loaded)
    TAILOR_RESET(frame_origin)
    TAILOR_RESET(waiting)
    TAILOR_RESET(operands)
    TAILOR_RESET(tap)

    Window<C> window(frame_origin);
    typename C::accumulator_t accumulator[C::pe];
    TAILOR_REGISTERS(accumulator)
    Sender<typename C::output_t, C::pe, C::out_lanes> sender;

    // The counters as they were an iteration ago: what keeps accesses to the ring kRingDistance apart.
    typename S::words_t settled_loaded = loaded;
    typename S::words_t settled_release = tap.passed(0);
    monitor.next_call();

cycle_loop:
    while (!window.computed() || !sender.ready() || loaded < S::kFrameWords || tap.holds_call(tap_out)) {
        TAILOR_PIPELINE
        TAILOR_KEEPS_DISTANCE(ring)
        const bool fetches = operands.fetch(ring, settled_loaded, monitor);
        const bool fed = !window.computed() && operands.ready(window, settled_loaded);
        const bool receives = fed && skip.receive(skip_in, waiting);
        const bool computes = fed && (!window.ends_group() || (sender.ready() && skip.ready(waiting)));
        const bool starved =
            !fed && loaded < operands.needed(window) && sender.ready() && !tap.waits(loaded);
        const bool has_room = loaded - settled_release < S::kRingWords && C::skip_t::has_room(waiting);
        const bool takes = has_room && (starved ? may_read(in) : !in.empty());
        const bool writes = takes && parts == S::kParts - 1;
        settled_release = tap.passed(window.released()); // before this iteration's push: its word is read in this one
        const bool pushes = !writes && tap.push(ring, settled_loaded, tap_out, monitor);
        settled_loaded = loaded;

        if (computes) {
            typename C::input_t x[C::simd];
            TAILOR_REGISTERS(x)
            operands.read(x, ring, window, monitor);
            accumulate<C>(accumulator, x, weight[window.beat()], bias[window.group()], window);
            if (window.in_centre()) skip.beat(x, window, projection_weight, projection_bias);

            if (window.ends_group()) {
                typename Word<typename C::output_t, C::pe>::type results;
            result_loop:
                for (int p = 0; p < C::pe; ++p) {
                    TAILOR_UNROLL
                    typename C::sum_t sum = accumulator[p];
                    if (C::relu && C::joins_after_relu && sum < 0) sum = 0;
                    sum = skip.join(sum, window, p, waiting);
                    if (C::relu && !C::joins_after_relu && sum < 0) sum = 0;
                    const typename C::output_t result = sum;
                    set_lane(results, p, result);
                }
                sender.put(results);
                skip.next_group(waiting);
            }
            if (window.ends_pixel()) {
                skip.next_pixel(waiting);
                operands.next_pixel(window);
            }
            window.advance();
        }
        const bool sends = sender.send(out);

        if (takes) {
            const typename S::in_word_t word = read_word(in);
            skip.accept(word, waiting);
            gathered = append(gathered, word);
            ++parts;
        }
        if (writes) {
            parts = 0;
            ring[write_bank][write_address] = gathered;
            monitor.writes(write_bank * S::kBankWords + write_address);
            ++loaded;
            if (++write_address == S::kBankWords) {
                write_address = 0;
                write_bank = ring_add<S::kBanks>(write_bank, 1 % S::kBanks);
            }
        }
        monitor.next_iteration(sends || fetches || receives || computes || takes || pushes);
    }
    loaded -= S::kFrameWords;
    operands.next_frame();
    tap.next_frame();
    frame_origin = Window<C>::next_origin(frame_origin);
}

// A conv stage that joins nothing, or a part of its own input.
template <class C>
void conv(typename ConvSizes<C>::in_stream_t &in, typename ConvSizes<C>::out_stream_t &out,
          const typename ConvSizes<C>::weights_t &weight, const typename ConvSizes<C>::biases_t &bias) {
    TAILOR_STAGE
    TAILOR_WIDE(weight)
    TAILOR_WIDE(bias)
    static typename ConvSizes<C>::ring_t ring;
    TAILOR_RING(ring)
    Nothing nothing;
    conv_loop<C, NoTap<C> >(ring, in, nothing, out, nothing, weight, bias, nothing, nothing);
}

// A conv stage that joins a skip stream.
template <class C>
void conv_joined(typename ConvSizes<C>::in_stream_t &in, typename C::skip_t::port_t &skip_in,
                 typename ConvSizes<C>::out_stream_t &out, const typename ConvSizes<C>::weights_t &weight,
                 const typename ConvSizes<C>::biases_t &bias) {
    TAILOR_STAGE
    TAILOR_WIDE(weight)
    TAILOR_WIDE(bias)
    static typename ConvSizes<C>::ring_t ring;
    TAILOR_RING(ring)
    Nothing nothing;
    conv_loop<C, NoTap<C> >(ring, in, skip_in, out, nothing, weight, bias, nothing, nothing);
}

// A conv stage that joins a projection of its own input.
template <class C>
void conv_projected(typename ConvSizes<C>::in_stream_t &in,
                    typename ConvSizes<C>::out_stream_t &out,
                    const typename ConvSizes<C>::weights_t &weight, const typename ConvSizes<C>::biases_t &bias,
                    const typename C::skip_t::weights_t &projection_weight,
                    const typename C::skip_t::biases_t &projection_bias) {
    TAILOR_STAGE
    TAILOR_WIDE(weight)
    TAILOR_WIDE(bias)
    TAILOR_WIDE(projection_weight)
    TAILOR_WIDE(projection_bias)
    static typename ConvSizes<C>::ring_t ring;
    TAILOR_RING(ring)
    Nothing nothing;
    conv_loop<C, NoTap<C> >(ring, in, nothing, out, nothing, weight, bias, projection_weight, projection_bias);
}

// A conv stage that joins nothing, or a part of its own input, with a tap.
template <class C>
void conv_tapped(typename ConvSizes<C>::in_stream_t &in,
                 typename ConvSizes<C>::out_stream_t &out, typename RingTap<C>::port_t &tap_out,
                 const typename ConvSizes<C>::weights_t &weight, const typename ConvSizes<C>::biases_t &bias) {
    TAILOR_STAGE
    TAILOR_WIDE(weight)
    TAILOR_WIDE(bias)
    static typename ConvSizes<C>::ring_t ring;
    TAILOR_TAPPED_RING(ring)
    Nothing nothing;
    conv_loop<C, RingTap<C> >(ring, in, nothing, out, tap_out, weight, bias, nothing, nothing);
}

// A conv stage that joins a skip stream, with a tap.
template <class C>
void conv_joined_tapped(typename ConvSizes<C>::in_stream_t &in,
                        typename C::skip_t::port_t &skip_in,
                        typename ConvSizes<C>::out_stream_t &out, typename RingTap<C>::port_t &tap_out,
                        const typename ConvSizes<C>::weights_t &weight, const typename ConvSizes<C>::biases_t &bias) {
    TAILOR_STAGE
    TAILOR_WIDE(weight)
    TAILOR_WIDE(bias)
    static typename ConvSizes<C>::ring_t ring;
    TAILOR_TAPPED_RING(ring)
    Nothing nothing;
    conv_loop<C, RingTap<C> >(ring, in, skip_in, out, tap_out, weight, bias, nothing, nothing);
}

// A conv stage that joins a projection of its own input, with a tap.
template <class C>
void conv_projected_tapped(typename ConvSizes<C>::in_stream_t &in,
                           typename ConvSizes<C>::out_stream_t &out, typename RingTap<C>::port_t &tap_out,
                           const typename ConvSizes<C>::weights_t &weight,
                           const typename ConvSizes<C>::biases_t &bias,
                           const typename C::skip_t::weights_t &projection_weight,
                           const typename C::skip_t::biases_t &projection_bias) {
    TAILOR_STAGE
    TAILOR_WIDE(weight)
    TAILOR_WIDE(bias)
    TAILOR_WIDE(projection_weight)
    TAILOR_WIDE(projection_bias)
    static typename ConvSizes<C>::ring_t ring;
    TAILOR_TAPPED_RING(ring)
    Nothing nothing;
    conv_loop<C, RingTap<C> >(ring, in, nothing, out, tap_out, weight, bias, projection_weight, projection_bias);
}

} // namespace tailor

#endif
