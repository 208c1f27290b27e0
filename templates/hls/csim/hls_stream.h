// `hls::stream` for a plain C++ compiler: a queue that knows its name.
//
// For csim without a vendor's tools; the same calls as in UG1399, "HLS Stream Library". A read from
// an empty stream can never be served here (stages run one after another), so it stops the program
// and names the stream. A bounded stream does the same for a write that finds it full.
//
// With TAILOR_TRACE_FOLDER, a quoted path, every stream writes its words into a file of its name in that
// folder, a line of hexadecimal each.
#ifndef TAILOR_CSIM_HLS_STREAM_H_
#define TAILOR_CSIM_HLS_STREAM_H_

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>

#ifdef TAILOR_TRACE_FOLDER
#include "ap_int.h"
#include <map>
#endif

namespace hls {

#ifdef TAILOR_TRACE_FOLDER
// A word as bits: itself, or what its own namespace makes of it; nothing where that is unknown.
template <int Bits> std::string trace_text(const ap_uint<Bits> &word, int) { return word.to_string(16); }
template <class T> auto trace_text(const T &word, int) -> decltype(to_bits(word).to_string(16)) {
    return to_bits(word).to_string(16);
}
template <class T> std::string trace_text(const T &, long) { return ""; }
#endif

template <class T> class stream {
  public:
    stream() : name_("(unnamed)"), depth_(0) {}
    explicit stream(const char *name, std::size_t depth = 0) : name_(name), depth_(depth) {}

    bool empty() const { return words_.empty(); }
    bool full() const { return depth_ != 0 && words_.size() >= depth_; }
    std::size_t size() const { return words_.size(); }

    T read() {
        if (empty()) stop("read from an empty stream: its writer delivered too few words");
        const T word = words_.front();
        words_.pop_front();
        return word;
    }
    void read(T &word) { word = read(); }
    bool read_nb(T &word) {
        if (empty()) return false;
        word = read();
        return true;
    }
    void write(const T &word) {
        if (full()) stop("write to a full stream: it is too shallow");
#ifdef TAILOR_TRACE_FOLDER
        static std::map<std::string, std::FILE *> files;
        std::FILE *&file = files[name_];
        const std::string text = trace_text(word, 0);
        if (file == NULL && !text.empty()) file = std::fopen((TAILOR_TRACE_FOLDER "/" + name_ + ".txt").c_str(), "w");
        if (file != NULL) std::fprintf(file, "%s\n", text.c_str());
#endif
        words_.push_back(word);
    }
    bool write_nb(const T &word) {
        if (full()) return false;
        write(word);
        return true;
    }
    void operator>>(T &word) { word = read(); }
    void operator<<(const T &word) { write(word); }

  private:
    stream(const stream &);
    stream &operator=(const stream &);

    void stop(const char *reason) const {
        std::fprintf(stderr, "csim: stream '%s': %s\n", name_.c_str(), reason);
        std::abort();
    }
    std::string name_;
    std::size_t depth_;
    std::deque<T> words_;
};

} // namespace hls

#endif
