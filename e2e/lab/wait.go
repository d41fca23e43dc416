package lab

import (
	"context"
	"fmt"
	"time"
)

// waitFor asks every 100 ms until ready returns nil. When ctx ends first, it says what it was
// waiting for and what ready said last.
func waitFor(ctx context.Context, what string, ready func() error) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		err := ready()
		if err == nil {
			return nil
		}
		if ctx.Err() == nil {
			last = err // later ones only say that ctx has ended
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w: %v", what, ctx.Err(), last)
		case <-tick.C:
		}
	}
}
