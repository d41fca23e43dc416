package reconcile

import (
	"errors"
	"testing"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

func (w *world) hold(by string, lasting time.Duration) Outcome {
	return w.engine().SetHold(by, w.now, lasting)[0]
}

func TestAHoldBindsUntilItsEnd(t *testing.T) {
	w := newWorld(t)
	w.tick()
	o := w.hold("ann", time.Minute)
	if o.Err != nil || len(w.records) != 2 {
		t.Fatalf("error %v, records %+v", o.Err, w.records)
	}
	r := w.records[1]
	if r.Do != ChangeHold || r.By != "ann" || r.Code != codeOperator || r.Trigger != policy.EventOperator || r.Reason != "held by ann for 1m0s" {
		t.Errorf("record %+v", r)
	}
	w.follows()
	for range 29 {
		w.pass(2 * time.Second)
		w.wantCode(w.tick(), policy.Code("held"))
		w.want(true)
	}
	w.run(policy.Event("on_role_change"), policy.Role("replica"))
	w.want(true)
	w.pass(2*time.Second - 1)
	w.wantCode(w.run(policy.Event("on_stop"), policy.Role("replica")), policy.Code("held"))
	w.pass(1)
	w.wantCode(w.run(policy.Event("on_stop"), policy.Role("replica")), policy.Code("lease_ended"))
}

func TestUnholdEndsAHold(t *testing.T) {
	w := newWorld(t)
	w.tick()
	w.hold("ann", time.Hour)
	w.follows()
	w.hold("bob", 0)
	if r := w.records[len(w.records)-1]; r.Do != ChangeUnhold || r.By != "bob" || r.Reason != "hold ended by bob" {
		t.Errorf("record %+v", r)
	}
	w.wantCode(w.tick(), policy.Code("not_leader"))
	w.want(false)
}

func TestAHoldOutlivesARelease(t *testing.T) {
	w := newWorld(t)
	w.tick()
	w.hold("ann", time.Hour)
	w.follows()
	w.peers = []policy.PeerReply{{Peer: policy.Peer{Name: "n2"}, Reply: policy.PatroniReply{Kind: policy.Leader}}}
	w.wantCode(w.tick(), policy.Code("hold_overruled"))
	w.want(false)
	if w.notes["vip"].Hold == nil {
		t.Error("the hold is gone with the address")
	}
	w.wantCode(w.run(policy.Event("on_role_change"), policy.Role("primary")), policy.Code("held"))
	w.want(false)
}

func TestAHoldThatCannotBeWrittenIsAnError(t *testing.T) {
	t.Run("busy", func(t *testing.T) {
		w := newWorld(t)
		w.lockErr = ErrBusy
		o := w.hold("ann", time.Hour)
		if !errors.Is(o.Err, ErrBusy) || len(o.Warnings) != 0 || w.notes["vip"].Hold != nil || len(w.records) != 0 {
			t.Errorf("error %v, warnings %q, note %+v, records %+v", o.Err, o.Warnings, w.notes["vip"], w.records)
		}
	})
	t.Run("read-only", func(t *testing.T) {
		w := newWorld(t)
		w.noteErr = errors.New("read-only file system")
		if o := w.hold("ann", time.Hour); o.Err == nil || len(w.records) != 0 {
			t.Errorf("error %v, records %+v", o.Err, w.records)
		}
	})
	t.Run("without a lock it is written", func(t *testing.T) {
		w := newWorld(t)
		w.lockErr = errors.New("no lock")
		if o := w.hold("ann", time.Hour); o.Err != nil || w.notes["vip"].Hold == nil {
			t.Errorf("error %v, note %+v", o.Err, w.notes["vip"])
		}
	})
}
