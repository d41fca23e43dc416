package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

const (
	scope    = "lab"
	restPort = 8008
)

// patroniYAML is a node's patroni.yml. lab.node tells a client through the VIP which server it has
// reached.
const patroniYAML = `scope: %[1]s
name: %[2]s
restapi:
  listen: 0.0.0.0:8008
  connect_address: %[3]s:8008
%[13]s:
  hosts: [%[4]s]
bootstrap:
  dcs:
    ttl: %[5]d
    loop_wait: %[6]d
    retry_timeout: %[7]d
    synchronous_mode: %[8]t
    maximum_lag_on_failover: 1048576
    postgresql:
      use_pg_rewind: true
      use_slots: true
      parameters: {archive_mode: %[12]q, archive_command: /bin/true}
  initdb: [encoding: UTF8, locale: C, no-sync]
postgresql:
  listen: 0.0.0.0:5432
  connect_address: %[3]s:5432
  bin_dir: %[9]s
  data_dir: %[10]s/data/pg
  pgpass: %[10]s/data/pgpass
  authentication:
    superuser: {username: postgres}
    replication: {username: replicator}
  pg_hba: [local all all trust, host all all 0.0.0.0/0 trust, host replication all 0.0.0.0/0 trust]
  basebackup: [checkpoint: fast]
  remove_data_directory_on_rewind_failure: true
  remove_data_directory_on_diverged_timelines: true
%[14]s  parameters:
    lab.node: %[2]s
    unix_socket_directories: %[10]s/data
    fsync: "off"
    shared_buffers: 16MB
    wal_keep_size: 64MB
    max_wal_size: 128MB
    min_wal_size: 32MB
    jit: "off"
    wal_retrieve_retry_interval: 200ms
    log_min_messages: fatal
    log_min_error_statement: panic
%[11]s`

// Patroni is a node's Patroni: its process, and its patroni.yml. What it says is [REST]'s. Its
// methods must not be called concurrently.
type Patroni struct {
	host    *Host
	members []*Host // where an etcd is
	opts    Options
	release Release
	bin     string   // the folder of PostgreSQL's programs
	call    []string // the command line for a callback; nil for none
	clock   *Clock

	service *service
}

func (p *Patroni) yaml() string { return p.host.path("patroni.yml") }

func (p *Patroni) writeYAML() error {
	var etcds []string
	for _, m := range p.members {
		etcds = append(etcds, `"`+m.Addr+`:2379"`)
	}
	o := p.opts
	archive := map[bool]string{true: "on", false: "off"}[o.Archive]
	dcs := map[bool]string{true: "etcd", false: "etcd3"}[o.EtcdV2]
	text := fmt.Sprintf(patroniYAML, scope, p.host.Name, p.host.Addr, strings.Join(etcds, ", "), o.TTL, o.LoopWait, o.RetryTimeout,
		o.Synchronous, p.bin, p.host.Dir, p.callbacksYAML(), archive, dcs, p.beforeStopYAML())
	return os.WriteFile(p.yaml(), []byte(text), 0o644)
}

// callbacksYAML names vipctl for every callback. Under file capabilities it ignores the
// environment, hence the flag.
func (p *Patroni) callbacksYAML() string {
	if p.call == nil {
		return ""
	}
	var b strings.Builder
	b.WriteString("  callbacks:\n")
	for _, action := range []string{"on_start", "on_stop", "on_restart", "on_reload", "on_role_change"} {
		fmt.Fprintf(&b, "    %s: %s\n", action, strings.Join(p.call, " "))
	}
	return b.String()
}

// beforeStopYAML makes the stop of PostgreSQL wait where this Patroni can be told so.
func (p *Patroni) beforeStopYAML() string {
	if !p.opts.StopHook || !p.release.hasBeforeStop() {
		return ""
	}
	return fmt.Sprintf("  before_stop: '/bin/sh -c \"while [ -e %s ]; do sleep 0.1; done\"'\n", p.holdStop())
}

// Start starts Patroni, unless it runs already.
func (p *Patroni) Start() (err error) {
	if p.service.running() {
		return nil
	}
	module, env := p.hooks()
	path := p.release.modules()
	if module != "" {
		if err := os.MkdirAll(p.host.path("hook"), 0o755); err != nil {
			return err
		}
		// Python imports a module of this name by itself.
		if err := os.WriteFile(p.host.path("hook", "sitecustomize.py"), []byte(module), 0o644); err != nil {
			return err
		}
		path = strings.TrimSuffix(p.host.path("hook")+":"+path, ":")
	}
	argv := append(append([]string{"/usr/bin/env", "PYTHONPATH=" + path}, env...), p.release.program(), p.yaml())
	p.service, err = p.host.serve("patroni", argv...)
	return err
}

// hooks is the Python module that changes this Patroni as the lab's options say, and the
// environment that it reads. Both are empty where nothing is changed.
func (p *Patroni) hooks() (module string, env []string) {
	if p.opts.StopHook && !p.release.hasBeforeStop() {
		module += stopHook
		env = append(env, "LAB_HOLD_STOP="+p.holdStop())
	}
	if p.opts.Clocks {
		module += ownClock
		env = append(env, "LAB_CLOCK="+p.clock.file)
	}
	if p.opts.WallWaits {
		module += wallWaits
	}
	return module, env
}

// holdStop is the file that makes stops of PostgreSQL wait as long as it is there.
func (p *Patroni) holdStop() string { return p.host.path("hold-stop") }

// HoldStop makes every stop of PostgreSQL by this Patroni wait, as a before_stop hook that hangs
// does, until HoldStop(false). It takes Options.StopHook.
func (p *Patroni) HoldStop(on bool) error {
	if on {
		return os.WriteFile(p.holdStop(), nil, 0o644)
	}
	if err := os.Remove(p.holdStop()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Terminate asks Patroni to end, and PostgreSQL with it, and does not wait for it.
func (p *Patroni) Terminate() { p.service.signal(syscall.SIGTERM) }

// Stop is [Patroni.Terminate], and returns when Patroni has ended.
func (p *Patroni) Stop(ctx context.Context) error {
	p.Terminate()
	select {
	case <-p.service.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop Patroni on %s: %w", p.host.Name, ctx.Err())
	}
}

// Said lists the last lines of Patroni's log that have the word, three at the most.
func (p *Patroni) Said(word string) []string {
	log, err := os.ReadFile(p.host.path("patroni.log"))
	if err != nil {
		return []string{err.Error()}
	}
	var said []string
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, word) {
			said = append(said, strings.TrimSpace(line))
		}
	}
	return said[max(0, len(said)-3):]
}

// Kill ends Patroni with SIGKILL, and returns when it has ended. PostgreSQL runs on.
func (p *Patroni) Kill() { p.service.kill() }

// Freeze stops Patroni and nothing else: its REST API accepts connections and never replies.
// [Node.Thaw] lets it go on.
func (p *Patroni) Freeze() { p.service.signal(syscall.SIGSTOP) }

// BreakYAML makes patroni.yml unreadable, as an operator's slip does, or right again. A Patroni
// that runs has read it already.
func (p *Patroni) BreakYAML(on bool) error {
	if !on {
		return p.writeYAML()
	}
	f, err := os.OpenFile(p.yaml(), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString("\n   - oops: [\n")
	return errors.Join(err, f.Close())
}

// MoveREST gives the REST API another port in patroni.yml, as an operator does who has not reloaded
// Patroni yet, or takes that back.
func (p *Patroni) MoveREST(on bool) error {
	if err := p.writeYAML(); err != nil || !on {
		return err
	}
	text, err := os.ReadFile(p.yaml())
	if err != nil {
		return err
	}
	return os.WriteFile(p.yaml(), bytes.ReplaceAll(text, []byte(":8008"), []byte(":8009")), 0o644)
}
