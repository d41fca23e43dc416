package hetznertest

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"
)

// Fault answers a request in the place of the world. honest is the true answer, which it may use or
// not.
type Fault func(rw http.ResponseWriter, r *http.Request, honest http.HandlerFunc)

// Refuse answers with an error in the form that both APIs share, and with more fields of the error
// where given.
func Refuse(status int, code string, more ...map[string]any) Fault {
	return func(rw http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) { refuse(rw, status, code, more...) }
}

func refuse(rw http.ResponseWriter, status int, code string, more ...map[string]any) {
	e := map[string]any{"code": code, "message": "a message about " + code, "details": nil}
	if strings.ToUpper(code) == code {
		e = map[string]any{"status": status, "code": code, "message": "a message about " + code}
	}
	for _, m := range more {
		maps.Copy(e, m)
	}
	answer(rw, status, map[string]any{"error": e})
}

// Hang never answers.
func Hang() Fault {
	return func(_ http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
}

// Reset drops the connection without an answer.
func Reset() Fault {
	return func(http.ResponseWriter, *http.Request, http.HandlerFunc) { panic(http.ErrAbortHandler) }
}

// Raw answers with the given body and header fields, name and value in turn.
func Raw(status int, body string, header ...string) Fault {
	return func(rw http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		for i := 0; i+1 < len(header); i += 2 {
			rw.Header().Set(header[i], header[i+1])
		}
		rw.WriteHeader(status)
		_, _ = io.WriteString(rw, body)
	}
}

// Late answers honestly, after d.
func Late(d time.Duration) Fault {
	return func(rw http.ResponseWriter, r *http.Request, honest http.HandlerFunc) {
		time.Sleep(d)
		honest(rw, r)
	}
}

// Unheard does what is asked and drops the connection instead of answering.
func Unheard() Fault {
	return func(_ http.ResponseWriter, r *http.Request, honest http.HandlerFunc) {
		honest(discard{http.Header{}}, r)
		panic(http.ErrAbortHandler)
	}
}

// Then answers honestly and calls f after it: somebody steals the address, for example.
func Then(f func()) Fault {
	return func(rw http.ResponseWriter, r *http.Request, honest http.HandlerFunc) {
		honest(rw, r)
		f()
	}
}

type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

func answer(rw http.ResponseWriter, status int, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_, _ = rw.Write(data)
}
