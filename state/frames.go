package state

import (
	"errors"
	"fmt"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// framesPatience is how long a frame waits for the account of its link, which others hold for some
// 100 µs: an announcement is on its way.
const framesPatience = 5 * time.Millisecond

// account is until when the frames that a link was sent are paid for.
type account struct {
	Paid policy.Moment `json:"paid,omitzero"`
}

// Frames is the account of the frames that links are sent, which all processes of this host keep
// together. It is in the folder of the [Store] that it comes from, and may be used by many
// goroutines.
type Frames struct {
	files documents
	locks locks
}

// Update reads, changes and writes a link's account, the link by its index, under a lock of its
// own, for which it waits 5 ms at the most. [reconcile.ErrBusy] says that another has it. Beside an
// error change may have been called or not; what it returned then is lost.
func (f Frames) Update(link int, change func(paid policy.Moment) policy.Moment) error {
	name := fmt.Sprintf("frames@%d", link) // no VIP can have "@" in its name
	unlock, err := f.locks.take(name, framesPatience, heldTooLong)
	if err != nil {
		return err
	}
	defer unlock()
	saved, loadErr := load[account](f.files, name)
	saved.Paid = change(saved.Paid)
	return errors.Join(loadErr, save(f.files, name, saved))
}
