//! Publishing, in memory: what clients find at each moment, whatever happens to the publisher.

mod collecting;
mod faults;
mod lab;
mod rules;
