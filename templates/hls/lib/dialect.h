// Which HLS compiler the kernels speak to.
//
// Kernels say what they want (a RAM, a FIFO, a pipeline that lets go of what it holds); the dialect's header
// says how its compiler spells that. A dialect defines the macros of dialect_vitis.h, all of them, under the
// same names and with the same meaning; nothing else in this folder names a compiler.
#ifndef TAILOR_DIALECT_H_
#define TAILOR_DIALECT_H_

#define TAILOR_TEXT(text) _Pragma(#text)
#define TAILOR_PRAGMA(text) TAILOR_TEXT(text)

#ifdef TAILOR_VIVADO_HLS
#include "dialect_vivado.h"
#else
#include "dialect_vitis.h"
#endif

#endif
