//! Control inversion: an async solver drives a simulation that belongs to one thread.
//!
//! The simulation cannot leave its thread, and knows nothing of async code. The solver runs on an executor, asks for several
//! simulations at once, and awaits their results.
//!
//! Prints:
//!
//! ```text
//! 31.3 m/s reaches 100.0 m
//! simulations: 36, all on the thread of `main`
//! ```

use std::cell::Cell;
use std::rc::Rc;
use std::thread;

use ingather::bridge::{Client, ControlServer};
use ingather::{create_task, inline};

/// Throws balls. The counter makes it one that belongs to its thread.
struct Simulation {
    runs: Rc<Cell<u32>>,
}

impl Simulation {
    /// How far a ball flies that is thrown with so many metres a second at 45 degrees.
    fn throw(&self, speed: f64) -> f64 {
        self.runs.set(self.runs.get() + 1);
        let (mut x, mut y) = (0.0, 0.0);
        let (across, mut up) = (speed / 2_f64.sqrt(), speed / 2_f64.sqrt());
        const STEP: f64 = 0.001;
        while y >= 0.0 {
            x += across * STEP;
            y += up * STEP;
            up -= 9.81 * STEP;
        }
        x
    }
}

/// Finds the speed for a distance: three guesses at once, and on with the quarter that is left.
async fn solve(simulation: Client<f64, f64>, distance: f64) -> f64 {
    let (mut low, mut high) = (0.0, 100.0);
    for _ in 0..12 {
        let quarter = (high - low) / 4.0;
        let guesses = [1.0, 2.0, 3.0].map(|n| low + n * quarter);
        let simulation = &simulation;
        let flown = inline::gather(guesses.map(|speed| move || simulation.request(speed))).await;
        let short = flown.into_iter().take_while(|flown| {
            let flown = flown.as_ref().expect("the simulation answers");
            *flown < distance
        });
        low += quarter * short.count() as f64;
        high = low + quarter;
    }
    low
}

fn main() {
    let here = thread::current().id();
    let runs = Rc::new(Cell::new(0));
    let simulation = Simulation {
        runs: Rc::clone(&runs),
    };

    let mut server = ControlServer::new(3);
    let solver = create_task(solve(server.client(), 100.0));
    let speed = server.serve_until(solver, |speed, reply| {
        assert_eq!(thread::current().id(), here);
        // An error would say that the solver has given up.
        reply.send(simulation.throw(speed)).expect("it waits");
    });
    let speed = speed.expect("the solver is not cancelled");

    println!("{speed:.1} m/s reaches {:.1} m", simulation.throw(speed));
    println!(
        "simulations: {}, all on the thread of `main`",
        runs.get() - 1
    );
}
