// What follows from a conv stage's Config: the ring, the beats, the words.
//
// "Words" are ring words: the channels of one pixel that a beat or a stream word takes, whichever is more.
#ifndef TAILOR_SIZES_H_
#define TAILOR_SIZES_H_

#include "streams.h"
#include "words.h"

namespace tailor {

// How a beat reads the ring.
enum ReadForm {
    READ_SERIAL, // one RAM; one tap
    READ_ROWS,   // a RAM for each row held; one kernel column
    READ_WINDOW  // a RAM for each row held, and the window in registers; all taps
};

template <class C> struct ConvSizes {
    // The taps of one beat, and those that the beats walk through.
    static const int kFormRows = C::form == READ_SERIAL ? 1 : C::kernel_height;
    static const int kFormColumns = C::form == READ_WINDOW ? C::kernel_width : 1;
    static const int kFormTaps = kFormRows * kFormColumns;
    static const int kWalkRows = C::kernel_height / kFormRows;
    static const int kWalkColumns = C::kernel_width / kFormColumns;
    static_assert(C::simd % kFormTaps == 0, "simd is not a multiple of the taps of a beat");
    static const int kTapLanes = C::simd / kFormTaps; // channels of a tap in a beat
    // The centre of a same-padded kernel: the tap of a beat, and the beats' row and column.
    static const int kCentreTap =
        (C::form == READ_SERIAL ? 0 : C::pad_height) * kFormColumns + (C::form == READ_WINDOW ? C::pad_width : 0);
    static const int kCentreRow = C::form == READ_SERIAL ? C::pad_height : 0;
    static const int kCentreColumn = C::form == READ_WINDOW ? 0 : C::pad_width;

    // The ring.
    static const int kWordLanes = Larger<kTapLanes, C::in_lanes>::value;
    static const int kParts = kWordLanes / C::in_lanes; // stream words that fill a ring word
    static const int kSlices = kWordLanes / kTapLanes;  // beats that read one ring word
    static_assert(kWordLanes % C::in_lanes == 0 && kWordLanes % kTapLanes == 0, "simd and lanes do not pack");
    static const int kPixelWords = C::in_channels / kWordLanes;
    static const int kRowWords = C::in_width * kPixelWords;
    static const int kFrameWords = C::in_height * kRowWords;
    static const int kRingWords = C::ring_pixels * kPixelWords;
    static const int kBanks = C::form == READ_SERIAL ? 1 : C::ring_pixels / C::in_width; // row y: bank y % kBanks
    static const int kBankWords = kRingWords / kBanks;
    static_assert(C::form == READ_SERIAL || C::ring_pixels % C::in_width == 0, "banks hold whole rows");
    static_assert(C::form == READ_SERIAL || kBanks >= C::kernel_height, "a bank for each row of the window");

    // The beats.
    static const int kInGroups = C::in_channels / kTapLanes;
    static const int kOutGroups = C::out_channels / C::pe;
    static const int kRowBeats = kWalkColumns * kInGroups;
    static const int kGroupBeats = kWalkRows * kRowBeats;
    static const int kPixelBeats = kOutGroups * kGroupBeats; // rows of the weights

    typedef typename Count<kBankWords>::type address_t;
    typedef typename Count<2 * (kFrameWords + kRingWords)>::type words_t;
    typedef typename Word<typename C::input_t, C::in_lanes>::type in_word_t;
    typedef typename Word<typename C::input_t, kWordLanes>::type ring_word_t;

    typedef typename Stream<typename C::input_t, C::in_lanes>::type in_stream_t;
    typedef typename Stream<typename C::output_t, C::out_lanes>::type out_stream_t;
    typedef ring_word_t ring_t[kBanks][kBankWords];
    typedef typename C::weight_t weights_t[kPixelBeats][C::pe * C::simd];
    typedef typename C::accumulator_t biases_t[kOutGroups][C::pe];
};

} // namespace tailor

#endif
