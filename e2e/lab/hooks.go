package lab

import (
	"errors"
	"io/fs"
	"os"
)

// stopHook makes Patroni wait where it runs before_stop since 3.0.3: after the state is `stopping`, before PostgreSQL is
// told to stop. Debian 12's Patroni, 3.0.2, has no such hook.
const stopHook = `import os, time
from patroni.postgresql.postmaster import PostmasterProcess

stop = PostmasterProcess.signal_stop

def wait_then_stop(self, *args, **kwargs):
    while os.path.exists(os.environ["LAB_HOLD_STOP"]):
        time.sleep(0.1)
    return stop(self, *args, **kwargs)

PostmasterProcess.signal_stop = wait_then_stop
`

// hooked prepares the command line of a Patroni that is changed as the lab's options say. Python imports a module called
// sitecustomize by itself.
func (n *Node) hooked(argv []string) ([]string, error) {
	var module string
	var env []string
	o := n.lab.opts
	if o.StopHook {
		module += stopHook
		env = append(env, "LAB_HOLD_STOP="+n.path("hold-stop"))
	}
	if o.Clocks {
		module += ownClock
		env = append(env, "LAB_CLOCK="+n.clockFile())
	}
	if o.WallWaits {
		module += wallWaits
	}
	if module == "" {
		return argv, nil
	}
	if err := os.MkdirAll(n.path("hook"), 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(n.path("hook", "sitecustomize.py"), []byte(module), 0o644); err != nil {
		return nil, err
	}
	return append(append([]string{"/usr/bin/env", "PYTHONPATH=" + n.path("hook")}, env...), argv...), nil
}

// HoldStop makes every stop of PostgreSQL by the node's Patroni wait, as a before_stop hook that hangs does, until it is
// allowed again. It takes Options.StopHook.
func (n *Node) HoldStop(on bool) error {
	if on {
		return os.WriteFile(n.path("hold-stop"), nil, 0o644)
	}
	if err := os.Remove(n.path("hold-stop")); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
