package lab

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// lockEvent says that the leader lock was written or deleted.
type lockEvent struct {
	revision int64
	node     string // "" for a deletion
}

// watchEtcd tells of what the host's etcd says of the leader lock, from a revision on, until etcd
// stops saying it. It returns the revision to go on with.
func watchEtcd(ctx context.Context, h *Host, next int64, tell func(lockEvent, time.Time)) int64 {
	key := base64.StdEncoding.EncodeToString([]byte("/service/" + scope + "/leader"))
	body := fmt.Sprintf(`{"create_request": {"key": %q, "start_revision": "%d"}}`, key, next)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1:2379/v3/watch", strings.NewReader(body))
	if err != nil {
		return next
	}
	resp, err := h.NS.httpClient().Do(req)
	if err != nil {
		return next
	}
	defer resp.Body.Close()
	for replies := json.NewDecoder(resp.Body); ; {
		var reply watchReply
		if err := replies.Decode(&reply); err != nil {
			return next
		}
		for _, e := range reply.events() {
			tell(e, time.Now())
			next = max(next, e.revision+1)
		}
	}
}

// watchReply is one reply of etcd's watch, as its JSON gateway words it. A deletion has no value.
type watchReply struct {
	Result struct {
		Events []struct {
			KV struct {
				Value    []byte `json:"value"`
				Revision string `json:"mod_revision"`
			} `json:"kv"`
		} `json:"events"`
	} `json:"result"`
}

func (r watchReply) events() (events []lockEvent) {
	for _, e := range r.Result.Events {
		if revision, err := strconv.ParseInt(e.KV.Revision, 10, 64); err == nil {
			events = append(events, lockEvent{revision: revision, node: string(e.KV.Value)})
		}
	}
	return events
}

// watchEtcdV2 is [watchEtcd] by etcd's API of version 2, where each question is answered by one
// event.
func watchEtcdV2(ctx context.Context, h *Host, next int64, tell func(lockEvent, time.Time)) int64 {
	client := h.NS.httpClient()
	for {
		url := fmt.Sprintf("http://127.0.0.1:2379/v2/keys/service/%s/leader?wait=true&waitIndex=%d", scope, next)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return next
		}
		resp, err := client.Do(req)
		if err != nil {
			return next
		}
		var reply watchReplyV2
		err = json.NewDecoder(resp.Body).Decode(&reply)
		resp.Body.Close()
		switch {
		case err != nil:
			return next
		case reply.Code == indexCleared:
			next = reply.Index + 1
		default:
			tell(reply.event(), time.Now())
			next = max(next, reply.event().revision+1)
		}
	}
}

// indexCleared says that the revision asked for is too old to be told of.
const indexCleared = 401

// watchReplyV2 is an event, or an error with the revision of now.
type watchReplyV2 struct {
	Node struct {
		Value    string // absent where the key is gone
		Revision int64  `json:"modifiedIndex"`
	}
	Code  int `json:"errorCode"`
	Index int64
}

func (r watchReplyV2) event() lockEvent {
	return lockEvent{revision: r.Node.Revision, node: r.Node.Value}
}
