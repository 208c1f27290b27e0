// Fibers: functions that hand the processor to each other, each on a stack of its own.
//
// A fiber is entered once by ucontext, which may ask the kernel for its signal mask; every later switch is
// `_setjmp` / `_longjmp`, which does not. A switch saves all registers that a call preserves, so that the
// optimiser needs to know nothing of it. One thread; a fiber never ends.
#ifndef TAILOR_TIMED_FIBERS_H_
#define TAILOR_TIMED_FIBERS_H_

#include <csetjmp>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <ucontext.h>

namespace timed {

class Fiber {
  public:
    explicit Fiber(const std::function<void()> &body) : body_(body), entered_(false), stack_(std::malloc(kStackBytes)) {}
    ~Fiber() { std::free(stack_); }

    // Runs the fiber until it leaves.
    void enter() {
        if (_setjmp(home_) != 0) return;
        if (entered_) _longjmp(here_, 1);
        entered_ = true;
        begin();
    }
    // Back to who entered the fiber; returns when it is entered again.
    void leave() {
        if (_setjmp(here_) == 0) _longjmp(home_, 1);
    }

  private:
    static const std::size_t kStackBytes = std::size_t(1) << 20;

    Fiber(const Fiber &);
    Fiber &operator=(const Fiber &);

    void begin() {
        ucontext_t context;
        getcontext(&context);
        context.uc_stack.ss_sp = stack_;
        context.uc_stack.ss_size = kStackBytes;
        context.uc_link = NULL;
        starting() = this;
        makecontext(&context, &Fiber::run, 0);
        setcontext(&context);
        std::abort(); // setcontext returns only where it failed
    }
    static void run() {
        Fiber *const self = starting();
        self->body_();
        std::abort();
    }
    static Fiber *&starting() {
        static Fiber *fiber = NULL;
        return fiber;
    }

    std::function<void()> body_;
    bool entered_;
    void *stack_;
    std::jmp_buf home_;
    std::jmp_buf here_;
};

} // namespace timed

#endif
