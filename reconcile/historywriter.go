package reconcile

import "sync"

// historyWriter writes a run's records to the history, one after the other and beside the work: a
// disk is slow, and what has moved must not be forgotten when Patroni kills the callback that still
// looks a second time.
type historyWriter struct {
	history History
	failed  func(Record, error)

	mu    sync.Mutex
	queue []Record
	busy  sync.WaitGroup
}

// write takes a record and returns at once.
func (s *historyWriter) write(r Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, r)
	if len(s.queue) == 1 {
		s.busy.Go(s.drain)
	}
}

func (s *historyWriter) drain() {
	for r, more := s.first(); more; r, more = s.next() {
		if err := s.history.Append(r); err != nil {
			s.failed(r, err)
		}
	}
}

func (s *historyWriter) first() (r Record, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queue[0], true
}

// next drops the record that has been written. The queue is empty before the drain ends, so that no
// record is left.
func (s *historyWriter) next() (r Record, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.queue = s.queue[1:]; len(s.queue) == 0 {
		return Record{}, false
	}
	return s.queue[0], true
}
