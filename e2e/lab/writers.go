package lab

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// WriterOptions say how the clients write. The zero value of each is its default.
type WriterOptions struct {
	Every time.Duration // from attempt to attempt, 10 ms
	// Connect ends an attempt whose connection is not accepted, 2.5 s: long enough for TCP's second
	// SYN after one second, so that a lost SYN costs a writer what it costs any client.
	Connect time.Duration
	// Answer ends an attempt whose connection was accepted and then ignored, as a frozen server
	// does, 1 s.
	Answer time.Duration
	// Except is a node to which nobody writes at its own address; empty for none.
	Except string
}

// Writers write to the lab until they are stopped. Each attempt is a new connection and an INSERT;
// each target has a writer of its own, which makes its attempts one after the other.
type Writers struct {
	holders *Holders
	wire    *Wire
	opts    WriterOptions
	session string
	from    time.Time
	stop    context.CancelFunc
	done    sync.WaitGroup

	mu       sync.Mutex
	acks     []Ack
	failures []Failure
	fatal    error
}

func (o WriterOptions) withDefaults() WriterOptions {
	set := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	set(&o.Every, 10*time.Millisecond)
	set(&o.Connect, 2500*time.Millisecond)
	set(&o.Answer, time.Second)
	return o
}

// Stop ends the writers and returns what they saw, and who had the VIP meanwhile.
func (w *Writers) Stop() (*Recording, error) {
	to := time.Now()
	w.stop()
	w.done.Wait()
	r := &Recording{
		From: w.from, To: to, Acks: w.acks, Failures: w.failures,
		Holders: w.holders.Changes(), Frames: w.wire.Frames(), session: w.session,
	}
	return r, w.fatal
}

// start starts one writer. Its goroutine is in the client's namespace, so that every socket it
// opens is too.
func (w *Writers) start(ctx context.Context, from *Namespace, target, address string) {
	w.done.Add(1)
	from.Go(func(err error) {
		defer w.done.Done()
		flushed := time.Now()
		for seq := 1; err == nil && ctx.Err() == nil; seq++ {
			next := time.After(w.opts.Every)
			if target == ViaFlush && time.Since(flushed) > time.Second {
				forget(address)
				flushed = time.Now()
			}
			ack := Ack{Target: target, Seq: seq, Start: time.Now()}
			failure := w.attempt(address, &ack)
			w.record(ack, failure)
			<-next
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if err != nil {
			w.fatal = err
		}
	})
}

func (w *Writers) record(ack Ack, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		w.acks = append(w.acks, ack)
		return
	}
	w.failures = append(w.failures, Failure{Target: ack.Target, Start: ack.Start, End: time.Now(), Why: reason(err)})
}

// attempt is one write, from SYN to acknowledgement.
func (w *Writers) attempt(address string, ack *Ack) error {
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(address, "5432"), w.opts.Connect)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(w.opts.Answer)); err != nil {
		return err
	}
	p, err := pgOpen(conn)
	if err != nil {
		return err
	}
	const insert = "INSERT INTO writes VALUES ('%s', '%s', %d) " +
		"RETURNING current_setting('lab.node'), left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)"
	rows, err := p.query(fmt.Sprintf(insert, w.session, ack.Target, ack.Seq))
	if err != nil {
		return err
	}
	ack.End = time.Now()
	p.bye()
	if len(rows) != 1 || len(rows[0]) != 2 {
		return fmt.Errorf("an INSERT returned %v", rows)
	}
	timeline, err := strconv.ParseInt(rows[0][1], 16, 32)
	ack.Node, ack.Timeline = rows[0][0], int(timeline)
	return err
}

// forget drops the neighbour entry for the address in the calling thread's namespace. A client that
// has just booted has none either.
func forget(address string) {
	link, err := netlink.LinkByName("eth0")
	if err != nil {
		return
	}
	_ = netlink.NeighDel(&netlink.Neigh{LinkIndex: link.Attrs().Index, Family: unix.AF_INET, IP: net.ParseIP(address)})
}

// reason is the part of an error that does not change from attempt to attempt.
func reason(err error) string {
	if e, ok := err.(net.Error); ok && e.Timeout() {
		return "timed out"
	}
	if e, ok := err.(*net.OpError); ok {
		return e.Op + ": " + e.Err.Error()
	}
	return err.Error()
}
