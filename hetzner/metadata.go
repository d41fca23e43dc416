package hetzner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// metadataEndpoint is where a Cloud server learns about itself.
const metadataEndpoint = "http://169.254.169.254/hetzner/v1/metadata"

const (
	metadataPatience = time.Second
	maxMetadata      = 64 << 10
)

// Metadata asks the metadata service. It never uses a proxy: Go's own rule exempts loopback
// addresses only, and would send the question to another machine. It may be used concurrently.
type Metadata struct {
	root  string
	agent string
	http  *http.Client
}

// NewMetadata returns a client. Of a only Endpoint, UserAgent and Dial count; the service has no
// TLS.
func NewMetadata(a Access) *Metadata {
	m := &Metadata{root: metadataEndpoint, agent: a.UserAgent}
	if a.Endpoint != "" {
		m.root = strings.TrimRight(a.Endpoint, "/")
	}
	a.Proxy = nil
	m.http = a.newHTTP(patience{metadataPatience, metadataPatience})
	return m
}

// InstanceID is this server's id in the Cloud API.
func (m *Metadata) InstanceID(ctx context.Context) (int64, error) {
	text, err := m.get(ctx, "instance-id")
	if err != nil {
		return 0, err
	}
	return parseInstanceID(text)
}

func parseInstanceID(text string) (int64, error) {
	id, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || id <= 0 {
		return 0, errors.New("metadata service: instance-id is no number; is this a Hetzner Cloud server?")
	}
	return id, nil
}

// PrivateNetworks are the networks that this server is attached to.
func (m *Metadata) PrivateNetworks(ctx context.Context) ([]netip.Prefix, error) {
	text, err := m.get(ctx, "private-networks")
	if err != nil {
		return nil, err
	}
	return parseNetworks(text), nil
}

// parseNetworks reads a YAML list of flat maps with one address range each; one line of it is all
// that is wanted.
func parseNetworks(text string) (found []netip.Prefix) {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimLeft(line, "- \t"), ":")
		if key != "network" && key != "subnet" {
			continue
		}
		if p, err := netip.ParsePrefix(strings.Trim(strings.TrimSpace(value), `"'`)); err == nil {
			found = append(found, p)
		}
	}
	return found
}

func (m *Metadata) get(ctx context.Context, name string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, metadataPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.root+"/"+name, nil)
	if err != nil {
		return "", errors.New("metadata service: its endpoint is no URL")
	}
	req.Header.Set("User-Agent", m.agent)
	resp, err := m.http.Do(req)
	if err != nil {
		return "", fmt.Errorf("metadata service: %w", bare(err))
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("metadata service: HTTP %d for %s", resp.StatusCode, name)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxMetadata+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("metadata service: %w", bare(err))
	case len(body) > maxMetadata:
		return "", fmt.Errorf("metadata service: %s is longer than %d KiB", name, maxMetadata>>10)
	}
	return string(body), nil
}
