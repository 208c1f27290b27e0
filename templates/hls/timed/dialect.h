// The emitted dialect, but time passes at every PIPELINE, and a FIFO is as deep as its pragma says.
#ifndef TAILOR_TIMED_DIALECT_H_
#define TAILOR_TIMED_DIALECT_H_

#include "clock.h"
#include "firmware/tailor/dialect.h"

#undef TAILOR_PIPELINE
#define TAILOR_PIPELINE ::timed::clock().tick();
#undef TAILOR_FIFO
#define TAILOR_FIFO(name, words, kind) name.bound(words);

#endif
