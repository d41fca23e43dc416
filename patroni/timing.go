package patroni

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// parseTiming reads the answer to GET /config.
func parseTiming(body []byte) (policy.Timing, error) {
	var fields map[string]json.RawMessage
	if err := parse(body, &fields); err != nil {
		return policy.Timing{}, err
	}
	if fields == nil {
		return policy.Timing{}, errors.New("not a JSON object")
	}
	var wrong []string
	seconds := func(key string, otherwise time.Duration) time.Duration {
		d, err := parseSeconds(fields[key], otherwise)
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: %v", key, err))
		}
		return d
	}
	t := policy.Timing{
		TTL:          seconds("ttl", 30*time.Second),
		LoopWait:     seconds("loop_wait", 10*time.Second),
		RetryTimeout: seconds("retry_timeout", 10*time.Second),
	}
	if len(wrong) > 0 {
		return policy.Timing{}, errors.New(strings.Join(wrong, "; "))
	}
	return t, nil
}

// parseSeconds reads a number of seconds as Patroni's int() does: a string of digits counts, and
// fractions are cut off.
func parseSeconds(raw json.RawMessage, otherwise time.Duration) (time.Duration, error) {
	var n float64
	var text string
	switch {
	case raw == nil || string(raw) == "null":
		return otherwise, nil
	case json.Unmarshal(raw, &n) == nil:
	case json.Unmarshal(raw, &text) == nil:
		whole, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			return 0, fmt.Errorf("got %s, want seconds", quoted(text))
		}
		n = float64(whole)
	default:
		return 0, fmt.Errorf("got %s, want seconds", plain(string(raw)))
	}
	if n = math.Trunc(n); n < 1 || n > 86400 {
		return 0, fmt.Errorf("got %s, want 1 to 86400 seconds", plain(string(raw)))
	}
	return time.Duration(n) * time.Second, nil
}

// parseCallbacks reads the answer to GET /config.
func parseCallbacks(body []byte) (map[string]any, error) {
	var dynamic struct {
		PostgreSQL struct {
			Callbacks map[string]any `json:"callbacks"`
		} `json:"postgresql"`
	}
	err := parse(body, &dynamic)
	return dynamic.PostgreSQL.Callbacks, err
}
