// The beat of an AXI4-Stream for a plain C++ compiler, as far as Tailor's tops use it.
//
// Same members as in UG1399, "AXI4-Stream Interfaces with Side-Channels"; TUSER, TID and TDEST have
// width 0 in every top and are not there.
#ifndef TAILOR_CSIM_AP_AXI_SDATA_H_
#define TAILOR_CSIM_AP_AXI_SDATA_H_

#include "ap_int.h"

template <int Data, int User, int Id, int Dest> struct ap_axiu;

template <int Data> struct ap_axiu<Data, 0, 0, 0> {
    ap_uint<Data> data;
    ap_uint<Data / 8> keep;
    ap_uint<Data / 8> strb;
    ap_uint<1> last;
};

#endif
