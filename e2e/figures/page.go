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
	lines := strings.SplitAfter(page, "\n")
	from, err := only(lines, begin)
	if err != nil {
		return "", err
	}
	to, err := only(lines, end)
	if err != nil {
		return "", err
	}
	if to < from {
		return "", fmt.Errorf("%q comes before %q", strings.TrimSpace(end), strings.TrimSpace(begin))
	}
	return strings.Join(lines[:from+1], "") + figures + strings.Join(lines[to:], ""), nil
}

// only finds the one line that is the marker.
func only(lines []string, marker string) (at int, err error) {
	n := 0
	for i, line := range lines {
		if line == marker {
			at, n = i, n+1
		}
	}
	if n != 1 {
		return 0, fmt.Errorf("got %d lines %q, want one", n, strings.TrimSpace(marker))
	}
	return at, nil
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
