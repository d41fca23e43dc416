package lab

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// http puts a question to a server on the node, from the node itself: the answer does not depend on any cable.
func (n *Node) http(ctx context.Context, method string, port int, path, body string) (code int, answer string, err error) {
	limit := time.Second
	if method == http.MethodPost {
		limit = time.Minute // Patroni answers when a switchover is over
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, fmt.Sprintf("http://127.0.0.1:%d%s", port, path), strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	resp, err := n.NS.httpClient().Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}
