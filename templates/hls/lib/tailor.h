// All stages of a network.
#ifndef TAILOR_TAILOR_H_
#define TAILOR_TAILOR_H_

#include "add.h"
#include "axi.h"
#include "clone.h"
#include "conv.h"
#include "pool.h"

#endif
