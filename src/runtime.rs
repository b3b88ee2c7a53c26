//! What asynchronous work of a run waits on: the real clock, or a virtual one.
//!
//! The virtual clock is tokio's paused one: when nothing can go on before a timer fires, the clock jumps to it.
//! Tokio would also jump while a thread of the script computes, because it knows only its own tasks. So a gate
//! counts the threads that are not waiting, and the thread that drives the clock does not go idle before the
//! count is zero. What a simulation does then depends on its seed alone, not on how fast this machine is.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;

use futures::task::{ArcWake, waker};
use tokio::runtime::{Builder, EnterGuard, Handle};
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};

/// A clone is the same runtime.
#[derive(Clone)]
pub struct Runtime {
    handle: Handle,
    time: Option<Arc<VirtualTime>>,
}

impl Runtime {
    /// Waits are real.
    #[must_use]
    pub fn real(handle: Handle) -> Self {
        Self { handle, time: None }
    }

    /// Waits take no time. The calling thread counts as one that computes, until it waits through this runtime;
    /// it must stay within [`Runtime::enter`] so that it reads the virtual clock.
    pub fn simulated() -> Result<Self> {
        let gate = Arc::new(Gate { state: Mutex::new(GateState { busy: 1 }), changed: Condvar::new() });
        let own = Arc::clone(&gate);
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .on_thread_park(move || own.wait_until_all_wait())
            .build()
            .map_err(|error| Error::io("start the virtual clock", error))?;
        let handle = runtime.handle().clone();
        let end = CancellationToken::new();
        let until = end.clone();
        let driver = std::thread::Builder::new()
            .name("virtual clock".into())
            .spawn(move || runtime.block_on(until.cancelled()))
            .map_err(|error| Error::io("start the thread of the virtual clock", error))?;
        Ok(Self { handle, time: Some(Arc::new(VirtualTime { gate, end, driver: Some(driver) })) })
    }

    #[must_use]
    pub fn is_simulated(&self) -> bool {
        self.time.is_some()
    }

    /// Makes this thread read this runtime's clock, as long as the guard lives.
    pub fn enter(&self) -> EnterGuard<'_> {
        self.handle.enter()
    }

    /// Waits for a future, on a thread that is none of the runtime's own.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        match &self.time {
            None => self.handle.block_on(future),
            Some(time) => time.block_on(&self.handle, future),
        }
    }

    /// Runs a future beside the caller.
    pub fn spawn<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        self.handle.spawn(future)
    }

    /// Starts a thread that reads this runtime's clock and counts as one that computes until it ends.
    pub fn thread<T: Send + 'static>(
        &self,
        name: &str,
        stack_bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> std::io::Result<JoinHandle<T>> {
        let own = self.clone();
        let busy = Busy::count(self);
        std::thread::Builder::new().name(name.to_owned()).stack_size(stack_bytes).spawn(move || {
            let _busy = busy;
            let _inside = own.handle.enter();
            work()
        })
    }
}

/// How often the virtual clock follows the real one where it does.
const PACE: Duration = Duration::from_millis(50);

impl Runtime {
    /// Does what waits for something outside, such as a person who types. Virtual time then passes as fast as the
    /// real one: a replay in the background neither stands still nor ends between two keystrokes.
    pub fn at_real_pace<T>(&self, work: impl FnOnce() -> T) -> std::io::Result<T> {
        let Some(time) = &self.time else { return Ok(work()) };
        let stop = Arc::new(AtomicBool::new(false));
        let (own, stopped) = (self.clone(), Arc::clone(&stop));
        let busy = Busy::count(self);
        let metronome = std::thread::Builder::new().name("metronome".into()).spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                std::thread::sleep(PACE);
                own.block_on(async { tokio::time::sleep(PACE).await });
            }
            // From here on the caller is the one that computes: its count is this one.
            std::mem::forget(busy);
        })?;
        time.gate.state().busy -= 1;
        time.gate.changed.notify_all();
        let done = work();
        stop.store(true, Ordering::Relaxed);
        // It cannot fail: it only sleeps.
        let _ = metronome.join();
        Ok(done)
    }
}

/// One thread that computes; dropped when it has ended.
struct Busy(Option<Arc<Gate>>);

impl Busy {
    fn count(runtime: &Runtime) -> Self {
        let gate = runtime.time.as_ref().map(|time| Arc::clone(&time.gate));
        if let Some(gate) = &gate {
            gate.state().busy += 1;
        }
        Self(gate)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if let Some(gate) = &self.0 {
            gate.state().busy -= 1;
            gate.changed.notify_all();
        }
    }
}

struct VirtualTime {
    gate: Arc<Gate>,
    end: CancellationToken,
    driver: Option<JoinHandle<()>>,
}

impl Drop for VirtualTime {
    fn drop(&mut self) {
        self.end.cancel();
        self.gate.state().busy = 0;
        self.gate.changed.notify_all();
        let driver = self.driver.take().filter(|driver| driver.thread().id() != std::thread::current().id());
        // A driver that broke has told so on stderr; there is nothing left to save.
        let _ = driver.map(JoinHandle::join);
    }
}

/// Holds the clock while any thread of the script computes.
struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

struct GateState {
    /// Threads of the script that are not waiting.
    busy: usize,
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, GateState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_until_all_wait(&self) {
        let mut state = self.state();
        while state.busy > 0 {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// One wait of a thread. Whoever wakes it counts it as busy again at once: between the timer and the moment at
/// which the thread really runs the clock must not jump on.
struct Waiter {
    gate: Arc<Gate>,
    state: Mutex<WaiterState>,
    woken: Condvar,
}

#[derive(Default)]
struct WaiterState {
    waiting: bool,
    woken: bool,
}

impl ArcWake for Waiter {
    fn wake_by_ref(waiter: &Arc<Self>) {
        let mut state = waiter.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.woken = true;
        if std::mem::take(&mut state.waiting) {
            waiter.gate.state().busy += 1;
            waiter.woken.notify_all();
        }
    }
}

impl Waiter {
    fn wait(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.woken {
            state.waiting = true;
            self.gate.state().busy -= 1;
            self.gate.changed.notify_all();
            while state.waiting {
                state = self.woken.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
        state.woken = false;
    }
}

impl VirtualTime {
    fn block_on<T>(&self, handle: &Handle, future: impl Future<Output = T>) -> T {
        let _inside = handle.enter();
        let waiter = Arc::new(Waiter { gate: Arc::clone(&self.gate), state: Mutex::default(), woken: Condvar::new() });
        let waker = waker(Arc::clone(&waiter));
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            match future.as_mut().poll(&mut context) {
                Poll::Ready(value) => return value,
                Poll::Pending => waiter.wait(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, sleep};

    use super::*;

    #[test]
    fn an_hour_passes_at_once_and_in_order() {
        let real = std::time::Instant::now();
        let runtime = Runtime::simulated().expect("started");
        let _inside = runtime.enter();
        let begin = Instant::now();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let own = Arc::clone(&seen);
        runtime.spawn(async move {
            for minute in 1..=60_u64 {
                sleep(Duration::from_secs(60)).await;
                own.lock().expect("whole").push(minute);
            }
        });
        runtime.block_on(sleep(Duration::from_secs(1805)));
        assert_eq!(begin.elapsed().as_secs(), 1805);
        assert_eq!(seen.lock().expect("whole").len(), 30);
        runtime.block_on(sleep(Duration::from_secs(1800)));
        assert_eq!(*seen.lock().expect("whole"), (1..=60).collect::<Vec<_>>());
        assert!(real.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn the_clock_stands_still_while_a_thread_computes() {
        let runtime = Runtime::simulated().expect("started");
        let _inside = runtime.enter();
        let ticks = Arc::new(Mutex::new(0_u64));
        let own = Arc::clone(&ticks);
        runtime.spawn(async move {
            loop {
                sleep(Duration::from_millis(1)).await;
                *own.lock().expect("whole") += 1;
            }
        });
        runtime.block_on(sleep(Duration::from_millis(10)));
        let before = Instant::now();
        // Real work, long enough for a clock that runs away.
        let mut sum = 0_u64;
        for number in 0..3_000_000_u64 {
            sum = std::hint::black_box(sum.wrapping_add(number));
        }
        assert_eq!(before.elapsed(), Duration::ZERO);
        assert!((9..=10).contains(&*ticks.lock().expect("whole")));
    }

    #[test]
    fn while_somebody_types_virtual_time_passes_with_the_real_one() {
        let runtime = Runtime::simulated().expect("started");
        let _inside = runtime.enter();
        let (begin, real) = (Instant::now(), std::time::Instant::now());
        runtime.at_real_pace(|| std::thread::sleep(Duration::from_millis(300))).expect("a thread");
        let (passed, real) = (begin.elapsed(), real.elapsed());
        assert!(passed >= Duration::from_millis(100) && passed <= real, "{passed:?} of {real:?}");
        assert_eq!(begin.elapsed(), passed);
        runtime.block_on(sleep(Duration::from_secs(3600)));
        assert_eq!(begin.elapsed(), passed + Duration::from_secs(3600));
    }

    #[test]
    fn threads_share_the_clock_and_each_holds_it_while_it_computes() {
        let runtime = Runtime::simulated().expect("started");
        let _inside = runtime.enter();
        let begin = Instant::now();
        let (done, all) = tokio::sync::mpsc::unbounded_channel();
        let mut all = all;
        let threads: Vec<_> = (1..=4_u64)
            .map(|number| {
                let (own, done) = (runtime.clone(), done.clone());
                let work = move || {
                    for _ in 0..10 {
                        own.block_on(sleep(Duration::from_secs(number)));
                    }
                    done.send((number, Instant::now())).expect("somebody listens");
                };
                runtime.thread("test", 1 << 20, work).expect("started")
            })
            .collect();
        for expected in 1..=4_u64 {
            let (number, at) = runtime.block_on(all.recv()).expect("four of them");
            assert_eq!((number, (at - begin).as_secs()), (expected, 10 * expected));
        }
        threads.into_iter().for_each(|thread| thread.join().expect("ended in order"));
    }
}
