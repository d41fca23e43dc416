package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// awake is the environment variable with the number of the mutant that is to go wrong.
const awake = "MUTANT"

//go:embed pick.go.txt
var pick []byte

// compile builds the tests with some files replaced by others, and with the operators that can go
// wrong.
func compile(ctx context.Context, dir string, replace map[string]string) (binary, error) {
	extra, err := filepath.Abs(filepath.Join(folder, "pick_mutated.go"))
	if err != nil {
		return binary{}, err
	}
	replace[extra] = filepath.Join(dir, "pick_mutated.go")
	if err := os.WriteFile(replace[extra], pick, 0o600); err != nil {
		return binary{}, err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return binary{}, err
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		return binary{}, err
	}
	tests := binary{}
	for _, one := range []struct {
		folder string
		path   *string
	}{{folder, &tests.policy}, {engine, &tests.engine}} {
		*one.path = filepath.Join(dir, filepath.Base(one.folder)+".test")
		cmd := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", list, "-o", *one.path, "./"+one.folder)
		if out, err := cmd.CombinedOutput(); err != nil {
			return binary{}, fmt.Errorf("compile the mutants: %w\n%s", err, out)
		}
	}
	return tests, nil
}
