package patroni

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/vipctl/vipctl/patroni/conf"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// endpoint is one way to reach Patroni: settings, and the HTTP clients that are made of them when
// they are first used.
type endpoint struct {
	conf.Settings
	target target
	shown  *shown                       // certificates
	local  func() (*http.Client, error) // for the Patroni of this host
	peers  func() (*http.Client, error) // for the others
}

func newEndpoint(s conf.Settings, t target) *endpoint {
	certificates := &shown{}
	return &endpoint{
		Settings: s, target: t, shown: certificates,
		local: sync.OnceValues(func() (*http.Client, error) { return newHTTP(s, true, certificates) }),
		peers: sync.OnceValues(func() (*http.Client, error) { return newHTTP(s, false, certificates) }),
	}
}

// check reads the certificates and keys that a question would read, and returns what is wrong with
// them.
func (e *endpoint) check() error {
	if e.TLS.CertFile != "" {
		if _, err := e.TLS.ClientCertificate(); err != nil {
			return err
		}
	}
	if _, err := e.local(); err != nil {
		return err
	}
	_, err := e.peers() // they may speak TLS where the local Patroni does not
	return err
}

// leader asks the local Patroni, GET /leader, within ctx's deadline.
func (e *endpoint) leader(ctx context.Context, now func() policy.Moment) policy.PatroniReply {
	member := e.cluster()
	member.name, member.namedBy = e.Name, e.From.Name.Owner()
	return getLeader(ctx, e.local, e.URL, member, now)
}

// peerLeader asks a peer at a base URL, GET /leader, within ctx's deadline.
func (e *endpoint) peerLeader(ctx context.Context, name, base string, now func() policy.Moment) policy.PatroniReply {
	member := e.cluster()
	member.name, member.namedBy = name, "the cluster's member list"
	return getLeader(ctx, e.peers, base, member, now)
}

// cluster is the identity of any member of the cluster that is meant.
func (e *endpoint) cluster() identity {
	return identity{scope: e.Scope, scopedBy: e.From.Scope.Owner()}
}

// ask puts a question that wants a 200 to the local Patroni, within ctx's deadline, and has the
// body read. Errors name the question.
func (e *endpoint) ask(ctx context.Context, path string, read func(body []byte) error) error {
	hc, err := e.local()
	if err != nil {
		return err
	}
	r, fault := get(ctx, hc, e.URL+path)
	if fault != nil {
		return fmt.Errorf("ask %s%s: %s", e.URL, path, fault.why)
	}
	if r.status != http.StatusOK {
		return fmt.Errorf("ask %s%s: %s", e.URL, path, r.refusal())
	}
	if err := read(r.body); err != nil {
		return fmt.Errorf("answer of %s%s: %w", e.URL, path, err)
	}
	return nil
}

// peerNamesLeader asks a peer whom it takes for the leader, GET /cluster. Where that cannot be
// told, why says so.
func (e *endpoint) peerNamesLeader(ctx context.Context, base string) (name, why string) {
	hc, err := e.peers()
	if err != nil {
		return "", err.Error()
	}
	r, fault := get(ctx, hc, base+"/cluster")
	if fault != nil {
		return "", fault.why
	}
	if r.status != http.StatusOK {
		return "", r.refusal()
	}
	cl, err := parseCluster(r.body, e.cluster())
	if err != nil {
		return "", err.Error()
	}
	return cl.leader(), ""
}

// getLeader asks one Patroni, GET /leader, and judges whether the reply is that of the member that
// is meant.
func getLeader(ctx context.Context, via func() (*http.Client, error), base string, want identity, now func() policy.Moment) policy.PatroniReply {
	hc, err := via()
	if err != nil {
		return unasked(err, now())
	}
	at := now()
	r, fault := get(ctx, hc, base+"/leader")
	if fault != nil {
		return policy.PatroniReply{Kind: fault.answer, Why: fault.why, At: at}
	}
	w := parseReply(r, want)
	w.At = at
	return w
}

// unasked is the reply where nobody could be asked.
func unasked(err error, at policy.Moment) policy.PatroniReply {
	return policy.PatroniReply{Kind: policy.NotOurs, Why: err.Error(), At: at}
}
