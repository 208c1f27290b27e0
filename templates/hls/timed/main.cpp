// A timed csim: the emitted top and its test bench, every stage a process, on frames from a source that
// is always valid to a sink that is always ready.
//
// Compiled with TAILOR_TOP (the top's name), TAILOR_TOP_SOURCE and TAILOR_BENCH_SOURCE (quoted paths).
// Usage: program frames [stream=depth ...]; prints one JSON object, writes tb_data/csim_results.log.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "clock.h"
#include "dialect.h"
#include "hls_stream.h"

#include "firmware/parameters.h"
#include "firmware/weights.h"
#include "kernels.h"

#define tailor timed
#include TAILOR_TOP_SOURCE
#undef tailor
#define main bench_main
#include TAILOR_BENCH_SOURCE
#undef main

namespace {

static const int kXBeats = x_elements / x_lanes;
static const int kYBeats = y_elements / y_lanes;

struct Run {
    timed::Cycle first_x;             // the first beat is accepted
    std::vector<timed::Cycle> last_y; // the last beat of each frame
};

// Names as they stand in JSON: identifiers, so that nothing needs an escape.
void print_stages() {
    const char *separator = "";
    const std::vector<std::unique_ptr<timed::Process> > &processes = timed::clock().processes();
    for (std::size_t index = 0; index < processes.size(); ++index) {
        const timed::Process &process = *processes[index];
        for (const timed::Wish *wish = process.begin(); wish != process.end(); ++wish) {
            std::printf("%s{\"stage\": \"%s\", \"waits_to\": \"%s\", \"stream\": \"%s\"}", separator, process.name.c_str(),
                        wish->verb, wish->stream);
            separator = ", ";
        }
    }
}

void print_report(const Run &run, int frames, bool done) {
    std::printf("{\"frames\": %d, \"cycles\": %lld, \"first_x\": %lld, \"last_y\": [", frames, timed::clock().now(),
                run.first_x);
    for (std::size_t frame = 0; frame < run.last_y.size(); ++frame) {
        std::printf("%s%lld", frame == 0 ? "" : ", ", run.last_y[frame]);
    }
    std::printf("], \"max_occupancy\": {");
    const std::vector<timed::StreamBase *> &streams = timed::StreamBase::all();
    for (std::size_t index = 0; index < streams.size(); ++index) {
        std::printf("%s\"%s\": %lu", index == 0 ? "" : ", ", streams[index]->name().c_str(),
                    static_cast<unsigned long>(streams[index]->most()));
    }
    std::printf("}, \"waiting\": [");
    if (!done) print_stages();
    std::printf("]}\n");
}

} // namespace

int main(int argc, char **argv) {
    const int limit = argc > 1 ? std::atoi(argv[1]) : -1;
    for (int index = 2; index < argc; ++index) {
        const char *const equals = std::strchr(argv[index], '=');
        if (equals == NULL) continue;
        const std::string stream(argv[index], std::size_t(equals - argv[index]));
        timed::depth_overrides().push_back(std::make_pair(stream, std::size_t(std::atoll(equals + 1))));
    }
    std::ifstream features("tb_data/tb_input_features.dat");
    if (!features) {
        std::fprintf(stderr, "csim: cannot open tb_data/tb_input_features.dat\n");
        return 2;
    }
    // Never destroyed: the processes still hold them when the program ends.
    hls::stream<x_beat_t> &queued = *new hls::stream<x_beat_t>("queued");
    hls::stream<y_beat_t> &received = *new hls::stream<y_beat_t>("received");
    hls::stream<x_beat_t> &x = *new hls::stream<x_beat_t>("x");
    hls::stream<y_beat_t> &y = *new hls::stream<y_beat_t>("y");
    timed::StreamBase::all().clear(); // the report is about the streams of the top
    x.bound(2);
    y.bound(2);
    int frames = 0;
    for (std::string line; frames != limit && std::getline(features, line); ++frames) {
        if (!send_frame(line, queued)) {
            std::fprintf(stderr, "csim: frame %d does not have %d numbers\n", frames, x_elements);
            return 2;
        }
    }

    Run run = {0, std::vector<timed::Cycle>()};
    bool done = frames == 0;
    bool x_tlast_error = false;
    timed::clock().spawn("source", [&] {
        for (int beat = 0; beat != frames * kXBeats; ++beat) {
            timed::clock().tick();
            x.write(queued.read());
            if (beat == 0) run.first_x = timed::clock().now();
        }
        for (;;) timed::clock().wait("write", "x", timed::kNever); // nothing is left to send
    });
    TAILOR_TOP(x, y, x_tlast_error);
    timed::clock().spawn("sink", [&] {
        for (int beat = 1; beat <= frames * kYBeats; ++beat) {
            timed::clock().tick();
            received.write(y.read());
            if (beat % kYBeats == 0) run.last_y.push_back(timed::clock().now());
        }
        done = true;
        for (;;) timed::clock().wait("read", "y", timed::kNever);
    });
    const bool finished = timed::clock().run(done);

    std::FILE *results = std::fopen(results_path, "w");
    if (results == NULL) {
        std::fprintf(stderr, "csim: cannot write %s\n", results_path);
        return 2;
    }
    bool clean = true;
    for (std::size_t frame = 0; frame < run.last_y.size(); ++frame) clean = receive_frame(received, results) && clean;
    std::fclose(results);
    if (finished && (!clean || x_tlast_error)) {
        std::fprintf(stderr, "csim: TLAST is misplaced\n");
        return 1;
    }
    print_report(run, frames, finished);
    std::fflush(stdout);
    std::_Exit(0); // the processes end here, in the middle of their frames
}
