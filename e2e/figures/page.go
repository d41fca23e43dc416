package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The lines around the figures.
const (
	begin = "<!-- figures: begin -->\n"
	end   = "<!-- figures: end -->\n"
)

// between puts the figures between the page's markers. There must be one of each, the begin first.
func between(page, figures string) (string, error) {
	for _, marker := range []string{begin, end} {
		if n := strings.Count("\n"+page, "\n"+marker); n != 1 {
			return "", fmt.Errorf("got %d lines %q, want one", n, strings.TrimSpace(marker))
		}
	}
	head, rest, _ := strings.Cut(page, begin)
	_, tail, found := strings.Cut(rest, end)
	if !found {
		return "", fmt.Errorf("%q comes before %q", strings.TrimSpace(end), strings.TrimSpace(begin))
	}
	return head + begin + figures + end + tail, nil
}

// replace gives the file its new text all at once, so that no reader and no crash finds half of it.
func replace(file, text string) error {
	was, err := os.Stat(file)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".figures-")
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Chmod(was.Mode()), f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
