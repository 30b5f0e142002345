//! `worker`.

use sockeye_testkit::peers::NatsServer;
use sockeye_testkit::{temporary_dir, within};

use crate::map_nats::worker;
use crate::{json_lines, sockeye};

#[test]
fn a_worker_waits_for_a_broker_and_ends_with_nothing_to_do() {
    within(|| {
        let Some(mut server) = NatsServer::new() else {
            return;
        };
        let url = server.url();
        server.kill();
        let worker = sockeye([
            "worker",
            "--engine",
            &url,
            "--idle-exit",
            "100ms",
            "--name",
            "bee",
            "--json",
        ]);
        worker.stderr_until("waiting for it");
        server.restart();
        let output = worker.wait();
        assert_eq!(output.code, Some(0), "{}", output.stderr_text());
        let events = json_lines(&output.stdout);
        assert_eq!(events[0]["type"], "worker-ready");
        assert!(events[0]["worker"].as_str().unwrap().starts_with("bee-"));
        assert_eq!(events.last().unwrap()["type"], "worker-ended");
    });
}

#[test]
fn sigterm_lets_a_job_finish_within_grace_and_hands_back_what_does_not() {
    within(|| {
        let Some(server) = NatsServer::new() else {
            return;
        };
        let url = server.url();
        let dir = temporary_dir();
        let fifo = dir.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let first = worker(&url, &["-j", "1", "--grace", "5s"]);
        let script = "echo begun >&2; read line < $1; echo $line";
        let mut map = sockeye(["map", "--engine", &url, "--", "sh", "-c", script, "sh"]);
        map.write(format!("{}\n", fifo.display()));
        map.close_stdin();
        // A writer opens it once the job reads.
        let pipe = std::fs::OpenOptions::new().write(true).open(&fifo).unwrap();
        first.terminate();
        first.stderr_until("stopping; 1 jobs still run");
        std::io::Write::write_all(&mut &pipe, b"finished\n").unwrap();
        drop(pipe);
        let output = first.wait();
        assert_eq!(output.code, Some(0), "{}", output.stderr_text());
        assert!(
            output.stderr_text().contains("1 jobs done"),
            "{}",
            output.stderr_text()
        );
        assert_eq!(map.wait().stdout_text(), "finished\n");

        let second = worker(&url, &["-j", "1", "--grace", "50ms"]);
        let script = "[ -e $1 ] && exec echo again; touch $1; exec sleep 60";
        let mut map = sockeye(["map", "--engine", &url, "--", "sh", "-c", script, "sh"]);
        let mark = dir.path().join("mark");
        map.write(format!("{}\n", mark.display()));
        map.close_stdin();
        while !mark.exists() {
            std::thread::yield_now();
        }
        second.terminate();
        let output = second.wait();
        assert_eq!(output.code, Some(0));
        assert!(
            output.stderr_text().contains("1 handed back"),
            "{}",
            output.stderr_text()
        );
        // Long before the lease of 10 s is over.
        let third = worker(&url, &[]);
        assert_eq!(map.wait().stdout_text(), "again\n");
        drop(third);
    });
}

#[test]
fn only_what_is_allowed_is_run() {
    within(|| {
        let Some(server) = NatsServer::new() else {
            return;
        };
        let url = server.url();
        let narrow = worker(&url, &["--allow", "echo", "--allow", "@connect"]);
        let mut map = sockeye(["map", "--engine", &url, "--", "/bin/echo"]);
        map.write("a\n");
        map.close_stdin();
        narrow.stderr_until("is not among what --allow names");
        let wide = worker(&url, &["--allow", "/bin/echo", "--max-jobs", "1"]);
        assert_eq!(map.wait().stdout_text(), "a\n");
        assert_eq!(wide.wait().code, Some(0));
    });
}
