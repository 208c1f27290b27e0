// A clone stage: every word goes to two streams.
//
// Contract: a word is taken when both outputs have room; one call is one frame. The FIFO behind the
// skip output must hold what the main branch takes in before its first word comes back (the design's
// depth_live), or the two branches wait for each other for ever.
//
// Config: format_t, lanes, words (of a frame).
#ifndef TAILOR_CLONE_H_
#define TAILOR_CLONE_H_

#include "dialect.h"
#include "hls_stream.h"
#include "words.h"

namespace tailor {

template <class C>
void clone(hls::stream<typename Word<typename C::format_t, C::lanes>::type> &in,
           hls::stream<typename Word<typename C::format_t, C::lanes>::type> &first,
           hls::stream<typename Word<typename C::format_t, C::lanes>::type> &second) {
    TAILOR_STAGE
word_loop:
    for (int index = 0; index < C::words; ++index) {
        TAILOR_PIPELINE
        const typename Word<typename C::format_t, C::lanes>::type word = in.read();
        first.write(word);
        second.write(word);
    }
}

} // namespace tailor

#endif
