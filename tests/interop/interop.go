// SPDX-License-Identifier: GPL-2.0

// Reads a ledger with Go's own transparency log packages: opens its checkpoint, reads its tiles,
// and checks the proofs that earmark made.
//
//	interop DIR VERIFIER-KEY INCLUSION.json... -- CONTINUES.json...
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type tiles struct {
	dir  string
	size int64
}

func (t tiles) Height() int { return 8 }

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// Go's names of tiles have their height in front, the files of tlog-tiles have not.
func (t tiles) ReadTiles(list []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range list {
		path := strings.TrimPrefix(tile.Path(), "tile/8/")
		data, err := os.ReadFile(filepath.Join(t.dir, "tile", path))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func must(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func hash(s string) (h tlog.Hash) {
	b, err := base64.StdEncoding.DecodeString(s)
	must(err)
	copy(h[:], b)
	return
}

type proof struct {
	Index, Old, Size int64
	Entry            string
	Proof            []string
}

func read(file string) (p proof, hashes []tlog.Hash) {
	data, err := os.ReadFile(file)
	must(err)
	must(json.Unmarshal(data, &p))
	for _, h := range p.Proof {
		hashes = append(hashes, hash(h))
	}
	return
}

func main() {
	dir := os.Args[1]
	verifier, err := note.NewVerifier(strings.TrimSpace(os.Args[2]))
	must(err)
	data, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	must(err)
	n, err := note.Open(data, note.VerifierList(verifier))
	must(err)
	lines := strings.Split(n.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	root := hash(lines[2])
	reader := tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, tiles{dir, size})
	again, err := tlog.TreeHash(size, reader)
	must(err)
	if again != root {
		fmt.Println("the root of the tiles is not the checkpoint's")
		os.Exit(1)
	}
	continues := false
	for _, file := range os.Args[3:] {
		if file == "--" {
			continues = true
			continue
		}
		p, hashes := read(file)
		if continues {
			old, err := tlog.TreeHash(p.Old, reader)
			must(err)
			must(tlog.CheckTree(tlog.TreeProof(hashes), size, root, p.Old, old))
		} else {
			must(tlog.CheckRecord(tlog.RecordProof(hashes), size, root, p.Index,
				tlog.RecordHash([]byte(p.Entry))))
		}
	}
	fmt.Println("size", size)
}
