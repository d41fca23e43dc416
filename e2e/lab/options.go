package lab

import (
	"net/http"
	"time"
)

// Options say what lab [Up] brings up. The zero value of each is its default.
type Options struct {
	Binary       string        // vipctl, as `make build` writes it; without it the cluster has no VIP
	Patroni      int           // its major version, see FindPatroni; 0 is the installed one, 3 on Debian 12
	Nodes        int           // 3
	Interval     time.Duration // of the timers, 2 s
	TTL          int           // Patroni's, in seconds: 20, the least it takes
	LoopWait     int           // in seconds: 2
	RetryTimeout int           // in seconds: 3
	Synchronous  bool          // synchronous_mode
	Archive      bool          // archive_mode, with an archive_command that Cluster.Configure may change
	StopHook     bool          // Patroni.HoldStop works
	Clocks       bool          // Clock.Set works; takes a Binary that is built with the tag labclock
	WallWaits    bool          // Patroni waits by the wall clock, as with Python before 3.11
	EtcdV2       bool          // Patroni uses etcd's API of version 2
	VipctlYAML   string        // more lines for every vipctl.yml
	Hetzner      Product       // whose the VIP is; without it neighbours ask each other for it
	Progress     func(Step)    // told what Up is doing

	// StandIn makes what answers on the node of that name in the place of its Patroni, which would be
	// of the release; the lab has no cluster then.
	StandIn func(node string, patroni Release) http.Handler
}

// Step is one thing that [Up] does or waits for. It is reported twice: as it begins, and with its
// time when it is done.
type Step struct {
	What string
	Took time.Duration // 0 as it begins
}

// Settings are what a lab's Patroni was given at the start. [Cluster.Configure] does not change
// them.
type Settings struct{ TTL, LoopWait, RetryTimeout time.Duration }

func (o Options) withDefaults() Options {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	set(&o.Nodes, 3)
	set(&o.TTL, 20)
	set(&o.LoopWait, 2)
	set(&o.RetryTimeout, 3)
	if o.Interval == 0 {
		o.Interval = 2 * time.Second
	}
	if o.Progress == nil {
		o.Progress = func(Step) {}
	}
	return o
}

func (o Options) settings() Settings {
	return Settings{
		TTL: time.Duration(o.TTL) * time.Second, LoopWait: time.Duration(o.LoopWait) * time.Second,
		RetryTimeout: time.Duration(o.RetryTimeout) * time.Second,
	}
}
