// How stages read and write streams, where compilers differ in what a waiting access holds up.
#ifndef TAILOR_STREAMS_H_
#define TAILOR_STREAMS_H_

#include "dialect.h"
#include "hls_stream.h"

namespace tailor {

// Whether a stage that can do nothing else may read now. In csim a read that waits holds up nothing, and
// one that never ends is named.
template <class W> bool may_read(hls::stream<W> &in) {
    TAILOR_INLINE
#ifdef __SYNTHESIS__
    return TAILOR_READS_MAY_WAIT || !in.empty();
#else
    (void)in;
    return true;
#endif
}

// Writes the word if there is room.
template <class W> bool try_write(hls::stream<W> &out, const W &word) {
    TAILOR_INLINE
    if (out.full()) return false;
    out.write(word);
    return true;
}

} // namespace tailor

#endif
