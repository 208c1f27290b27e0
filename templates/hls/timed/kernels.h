// The stages of a top as processes: with the namespace's name replaced, a top starts them instead of running them.
//
// As `ap_ctrl_none` has it in hardware, a stage begins its next frame as soon as it has finished one.
#ifndef TAILOR_TIMED_KERNELS_H_
#define TAILOR_TIMED_KERNELS_H_

#include <cstdlib>
#include <cxxabi.h>
#include <string>
#include <typeinfo>

#include "clock.h"

namespace timed {

using namespace tailor;

// `conv1` of the type conv1_config.
template <class Config> std::string stage_name() {
    char *const text = abi::__cxa_demangle(typeid(Config).name(), NULL, NULL, NULL);
    std::string name = text == NULL ? "(unknown)" : text;
    std::free(text);
    const std::string suffix = "_config";
    if (name.size() > suffix.size() && name.substr(name.size() - suffix.size()) == suffix) {
        name.resize(name.size() - suffix.size());
    }
    return name;
}

#define TAILOR_PROCESS(kernel)                                                              \
    template <class Config, class... Arguments> void kernel(Arguments &...arguments) {      \
        clock().spawn(stage_name<Config>(), [&] {                                           \
            for (;;) ::tailor::kernel<Config>(arguments...);                                \
        });                                                                                 \
    }

TAILOR_PROCESS(receive)
TAILOR_PROCESS(transmit)
TAILOR_PROCESS(conv)
TAILOR_PROCESS(conv_joined)
TAILOR_PROCESS(conv_projected)
TAILOR_PROCESS(conv_tapped)
TAILOR_PROCESS(conv_joined_tapped)
TAILOR_PROCESS(conv_projected_tapped)
TAILOR_PROCESS(clone)
TAILOR_PROCESS(add)
TAILOR_PROCESS(pool)

#undef TAILOR_PROCESS

} // namespace timed

#endif
