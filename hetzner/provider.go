package hetzner

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"sync"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// Options are what all routes of a process share. Only Now is needed.
type Options struct {
	UserAgent string
	// Now is the boot clock.
	Now func() policy.Moment
	// Proxy chooses a proxy, for example [http.ProxyFromEnvironment]; nil uses none.
	Proxy func(*http.Request) (*url.URL, error)
	// Dial connects; nil is the system's way.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Getenv looks up secrets in the environment; nil where it is not to be trusted, as in a
	// process with file capabilities.
	Getenv func(string) string
	// Trace, when set, is told of every attempt as soon as it is over: a line for people, and the
	// same as fields of a log. It may be called concurrently.
	Trace func(line string, fields map[string]any)
	// Explain, when set, adds to the error of a secret that could not be read what to do about its
	// file. file is empty where the secret is in none.
	Explain func(err error, file string) error
}

// Provider makes the routes of a configuration. VIPs with the same credential and endpoint share
// one client, because Hetzner counts refused logins and calls by account. No secret is read, and
// nothing is asked, before a route is used.
//
// Routes are made by one goroutine; everything else may be done concurrently.
type Provider struct {
	access  Access // without an endpoint
	getenv  func(string) string
	explain func(error, string) error
	meta    *Metadata
	clouds  map[account]func() (*Cloud, error)
	robots  map[account]func() (*Robot, error)
	used    []func() error // the clients of all routes that were made

	networks func(context.Context) []netip.Prefix // that this server is attached to
}

// account is a credential and where it is good.
type account struct{ endpoint, user, file string }

// CloudOptions are one VIP's route through the Cloud API: a floating IP, or an alias IP of a
// private network.
type CloudOptions struct {
	Address    netip.Addr // the VIP
	Alias      bool       // an alias IP, not a floating IP
	FloatingIP string     // its id, name or address; empty is the VIP's address
	Network    string     // of the alias IP: its id or name
	Server     int64      // this server's id; 0 asks the metadata service
	TokenFile  string     // empty: the systemd credential hcloud.token, else $HCLOUD_TOKEN
	Endpoint   string     // empty: Hetzner's own
}

// RobotOptions are one VIP's route through the Robot webservice: a failover IP or subnet.
type RobotOptions struct {
	FailoverOptions
	User         string
	PasswordFile string // empty: the systemd credential robot.password, else $ROBOT_PASSWORD
	Endpoint     string // empty: Hetzner's own
}

// New returns a provider without routes. It connects to nothing.
func New(o Options) *Provider {
	a := Access{UserAgent: o.UserAgent, Proxy: o.Proxy, Dial: o.Dial, Now: o.Now}
	if o.Trace != nil {
		a.Trace = func(t Attempt) { o.Trace(t.line(), t.fields()) }
	}
	p := &Provider{
		access: a, getenv: o.Getenv, explain: o.Explain, meta: NewMetadata(a),
		clouds: map[account]func() (*Cloud, error){}, robots: map[account]func() (*Robot, error){},
	}
	var once sync.Once
	var nets []netip.Prefix
	p.networks = func(ctx context.Context) []netip.Prefix {
		once.Do(func() { nets, _ = p.meta.PrivateNetworks(ctx) }) // an error: this is no server of the Cloud
		return nets
	}
	return p
}

// CloudRoute returns a route without a memo. What is wrong with its token comes as an error of its
// calls.
func (p *Provider) CloudRoute(o CloudOptions) reconcile.Route {
	client, access := p.cloud(o.TokenFile, o.Endpoint), p.at(o.Endpoint)
	p.used = append(p.used, opens(client))
	if o.Alias {
		return newAliasIP(client, access, p.meta, AliasIPOptions{Address: o.Address, Network: o.Network, Server: o.Server})
	}
	return newFloatingIP(client, access, p.meta, FloatingIPOptions{Address: o.Address, FloatingIP: o.FloatingIP, Server: o.Server})
}

// RobotRoute returns a route without a memo. What is wrong with its password or its addresses comes
// as an error of its calls.
func (p *Provider) RobotRoute(o RobotOptions) reconcile.Route {
	f := newFailover(p.robot(o.User, o.PasswordFile, o.Endpoint), p.at(o.Endpoint), o.FailoverOptions)
	if err := f.fits(); err != nil {
		f.client = func() (*Robot, error) { return nil, err }
	}
	p.used = append(p.used, opens(f.client))
	return f
}

// ReadSecrets reads the secrets of all routes that were made, and returns what is in the way of
// that, once for each of them.
func (p *Provider) ReadSecrets() error {
	var problems []error
	told := map[string]bool{}
	for _, open := range p.used {
		if err := open(); err != nil && !told[err.Error()] {
			told[err.Error()] = true
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// CheckWithoutRoute looks at a VIP that has no route and that the kernel alone announces. It warns
// where the VIP lies in a private network of Hetzner's Cloud: those are routed, nobody hears an ARP
// frame, and nothing says so. On other machines there is no finding, and finding that out takes a
// second at the most, for all VIPs together.
func (p *Provider) CheckWithoutRoute(ctx context.Context, vip netip.Addr) []reconcile.Finding {
	if !slices.ContainsFunc(p.networks(ctx), func(n netip.Prefix) bool { return n.Contains(vip.Unmap()) }) {
		return nil
	}
	return []reconcile.Finding{{Level: reconcile.Warning, Text: fmt.Sprintf(
		"%s lies in a private network of Hetzner Cloud, which is routed: ARP cannot move it. Give the VIP a route, hetzner_cloud with alias_ip", vip)}}
}

// opens forgets the client of an opener.
func opens[T any](client func() (*T, error)) func() error {
	return func() error { _, err := client(); return err }
}

// cloud returns what makes the client of a token at its first call, and returns the same, or the
// same error, ever after.
func (p *Provider) cloud(file, endpoint string) func() (*Cloud, error) {
	who := account{endpoint: endpoint, file: file}
	if p.clouds[who] == nil {
		p.clouds[who] = sync.OnceValues(func() (*Cloud, error) {
			token, err := p.secret("token of the Cloud API", file, "hcloud.token", "HCLOUD_TOKEN")
			if err != nil {
				return nil, err
			}
			return NewCloud(p.at(endpoint), token)
		})
	}
	return p.clouds[who]
}

// robot is the same for a user of the Robot webservice.
func (p *Provider) robot(user, file, endpoint string) func() (*Robot, error) {
	who := account{endpoint: endpoint, user: user, file: file}
	if p.robots[who] == nil {
		p.robots[who] = sync.OnceValues(func() (*Robot, error) {
			password, err := p.secret("password of the Robot webservice", file, "robot.password", "ROBOT_PASSWORD")
			if err != nil {
				return nil, err
			}
			return NewRobot(p.at(endpoint), user, password)
		})
	}
	return p.robots[who]
}

func (p *Provider) at(endpoint string) Access {
	a := p.access
	a.Endpoint = endpoint
	return a
}

// secret reads one. Where the file's mode is in the way, the error has the command that mends it.
func (p *Provider) secret(what, file, credential, env string) (Secret, error) {
	s, err := SecretSource{File: file, Credential: credential, Env: env, Getenv: p.getenv}.Load()
	if err != nil && p.explain != nil {
		err = p.explain(err, file)
	}
	if err != nil {
		err = fmt.Errorf("read the %s: %w", what, err)
	}
	return s, err
}
