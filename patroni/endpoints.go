package patroni

import (
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/vipctl/vipctl/patroni/conf"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// endpoints are the two by which the local Patroni can be asked: the one of the configuration, and
// the saved one, by which an earlier run asked it. A Patroni that runs has read the file before
// somebody broke or changed it, and goes on leading.
type endpoints struct {
	source conf.Source
	file   func() (*endpoint, error) // of the configuration; filled as far as possible beside an error, and never nil
	saved  func() (*endpoint, error) // of an earlier run, nil where none was saved
	active atomic.Pointer[active]    // nil before the local Patroni has answered
}

// active is the endpoint by which the local Patroni answered last.
type active struct {
	endpoint *endpoint
	why      string // the other endpoint did not reach it; empty where that was not asked
}

// newEndpoints reads nothing yet. saved is [Options.SavedEndpoint].
func newEndpoints(source conf.Source, where conf.Where, saved func() (json.RawMessage, error)) *endpoints {
	es := &endpoints{source: source}
	es.file = sync.OnceValues(func() (*endpoint, error) {
		s, err := conf.Read(source, where)
		return newEndpoint(s, targetOf(s)), err
	})
	es.saved = sync.OnceValues(func() (*endpoint, error) {
		if saved == nil {
			return nil, nil
		}
		data, err := saved()
		if err != nil || data == nil {
			return nil, err
		}
		file, _ := es.file()
		return loadEndpoint(data, source, file.TLS)
	})
	return es
}

// use returns the endpoint to ask by: the active one, before that the configuration's, or the saved
// one where the configuration cannot be used. It is never nil, and beside an error filled as far as
// the configuration could be read.
func (es *endpoints) use() (*endpoint, error) {
	if a := es.active.Load(); a != nil {
		return a.endpoint, nil
	}
	file, err := es.file()
	if err == nil {
		return file, nil
	}
	saved, savedErr := es.saved()
	switch {
	case savedErr != nil:
		return file, fmt.Errorf("%w (and its last good settings: %w)", err, savedErr)
	case saved == nil:
		return file, err
	}
	return saved, nil
}

// ask puts a question by the endpoint in use. Where no reply that counts comes back, it puts the
// question once more by the other endpoint, if there is one. After a time-out the question's
// context has ended, so that the second one asks nobody. The endpoint by which Patroni answers
// becomes the active one.
func (es *endpoints) ask(inUse *endpoint, put func(*endpoint) policy.PatroniReply) policy.PatroniReply {
	reply := put(inUse)
	if reply.IsSilent() {
		if other := es.otherThan(inUse); other != nil {
			if second := put(other); second.Counts() {
				es.active.Store(&active{other, reply.Why})
				return second
			}
		}
	}
	if reply.Counts() && es.active.Load() == nil {
		es.active.Store(&active{endpoint: inUse})
	}
	return reply
}

// otherThan returns the other endpoint, nil where there is none or it has the same target.
func (es *endpoints) otherThan(e *endpoint) *endpoint {
	switch {
	case !es.changed():
		return nil
	case es.isFile(e):
		saved, _ := es.saved()
		return saved
	}
	file, _ := es.file()
	return file
}

func (es *endpoints) isFile(e *endpoint) bool {
	file, _ := es.file()
	return e == file
}

// changed reports whether the configuration can be used and has another target than the saved
// endpoint.
func (es *endpoints) changed() bool {
	file, err := es.file()
	if err != nil {
		return false
	}
	saved, err := es.saved()
	return err == nil && saved != nil && saved.target != file.target
}

// ahead is [Client.Ahead].
func (es *endpoints) ahead() error {
	a := es.active.Load()
	if a == nil || es.isFile(a.endpoint) || !es.changed() {
		return nil
	}
	file, _ := es.file()
	return fmt.Errorf("%s: Patroni answers by its last settings (%s) and not by the file's (%s: %s): "+
		"reload or restart Patroni, or take the change back", es.source.Files(), a.endpoint.target, file.target, a.why)
}

// fallback is [Client.Fallback].
func (es *endpoints) fallback() error {
	if _, err := es.use(); err != nil {
		return nil
	}
	_, err := es.file()
	return err
}

// toSave is [Client.EndpointToSave].
func (es *endpoints) toSave() json.RawMessage {
	a := es.active.Load()
	if a == nil || !es.isFile(a.endpoint) {
		return nil
	}
	return saveEndpoint(a.endpoint, es.source)
}
