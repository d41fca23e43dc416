package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// followLockV2 is [Node.followLock] by etcd's API of version 2, where each question is answered by one event.
func (n *Node) followLockV2(ctx context.Context, next int64) int64 {
	client := n.NS.httpClient()
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
		var answer lockAnswerV2
		err = json.NewDecoder(resp.Body).Decode(&answer)
		resp.Body.Close()
		switch {
		case err != nil:
			return next
		case answer.Code == indexCleared:
			next = answer.Index + 1
		default:
			next = max(next, n.lab.watch.noteLock(answer.event(), time.Now())+1)
		}
	}
}

// indexCleared says that the revision asked for is too old to be told of.
const indexCleared = 401

// lockAnswerV2 is an event, or an error with the revision of now.
type lockAnswerV2 struct {
	Node struct {
		Value    string // absent where the key is gone
		Revision int64  `json:"modifiedIndex"`
	}
	Code  int `json:"errorCode"`
	Index int64
}

func (a lockAnswerV2) event() (e lockEvent) {
	e.KV.Value, e.KV.Revision = []byte(a.Node.Value), strconv.FormatInt(a.Node.Revision, 10)
	return e
}
