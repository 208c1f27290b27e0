// The network's ports: AXI4-Stream beats to stream words and back.
//
// Contract: a beat carries `lanes` channels, channel i at bits [i * W + W - 1 : i * W], zeros above.
// TLAST comes with a frame's last beat. On the way in a TLAST anywhere else, or none there, sets
// `error`, which stays set until reset; the words go on by count alone. One call is one frame.
//
// Config: format_t, lanes, words (of a frame), beat_t (an ap_axiu).
#ifndef TAILOR_AXI_H_
#define TAILOR_AXI_H_

#include "ap_axi_sdata.h"
#include "dialect.h"
#include "loop_monitor.h"
#include "streams.h"
#include "words.h"

namespace tailor {

template <class C>
void receive(hls::stream<typename C::beat_t> &port, typename Stream<typename C::format_t, C::lanes>::type &out,
             bool &error) {
    TAILOR_STAGE
    static bool misplaced = false;
    TAILOR_RESET(misplaced)
    typename Count<C::words>::type moved = 0;
beat_loop:
    while (moved != C::words) {
        TAILOR_PIPELINE
        const bool moves = may_read(port);
        if (moves) {
            const typename C::beat_t beat = port.read();
            if ((beat.last == 1) != (moved == C::words - 1)) misplaced = true;
            write_word(out, typename Word<typename C::format_t, C::lanes>::type(beat.data));
            ++moved;
        }
        end_iteration(moves);
    }
    error = misplaced;
}

template <class C>
void transmit(typename Stream<typename C::format_t, C::lanes>::type &in, hls::stream<typename C::beat_t> &port) {
    TAILOR_STAGE
    typename Count<C::words>::type moved = 0;
beat_loop:
    while (moved != C::words) {
        TAILOR_PIPELINE
        const bool moves = may_read(in);
        if (moves) {
            typename C::beat_t beat;
            beat.data = read_word(in);
            beat.keep = -1;
            beat.strb = -1;
            beat.last = moved == C::words - 1;
            port.write(beat);
            ++moved;
        }
        end_iteration(moves);
    }
}

} // namespace tailor

#endif
