package lab

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
)

// pgConn speaks as much of PostgreSQL's protocol, version 3, as a writer needs: no password, simple
// queries, text.
type pgConn struct {
	conn net.Conn
	r    *bufio.Reader
}

// pgOpen greets the server at the other end of conn. The caller has set conn's deadline, and closes
// it.
func pgOpen(conn net.Conn) (*pgConn, error) {
	const hello = "user\x00postgres\x00database\x00postgres\x00\x00"
	msg := binary.BigEndian.AppendUint32(nil, uint32(8+len(hello)))
	msg = binary.BigEndian.AppendUint32(msg, 3<<16)
	if _, err := conn.Write(append(msg, hello...)); err != nil {
		return nil, err
	}
	p := &pgConn{conn: conn, r: bufio.NewReaderSize(conn, 1024)}
	_, err := p.untilReady()
	return p, err
}

// query runs one statement and returns its rows.
func (p *pgConn) query(sql string) ([][]string, error) {
	if err := p.send('Q', sql+"\x00"); err != nil {
		return nil, err
	}
	return p.untilReady()
}

// bye tells the server that the client is done.
func (p *pgConn) bye() { _ = p.send('X', "") }

func (p *pgConn) send(kind byte, body string) error {
	msg := binary.BigEndian.AppendUint32([]byte{kind}, uint32(4+len(body)))
	_, err := p.conn.Write(append(msg, body...))
	return err
}

// untilReady reads messages until the server waits for the next query.
func (p *pgConn) untilReady() (rows [][]string, problem error) {
	for {
		kind, body, err := p.message()
		if problem != nil && err != nil {
			return nil, problem // said before it hung up
		}
		if err != nil {
			return nil, err
		}
		switch kind {
		case 'R': // authentication: 0 is ok
			if len(body) < 4 || binary.BigEndian.Uint32(body) != 0 {
				return nil, errors.New("the server wants a password")
			}
		case 'D':
			rows = append(rows, pgRow(body))
		case 'E':
			problem = pgError(body)
		case 'Z':
			return rows, problem
		}
	}
}

func (p *pgConn) message() (kind byte, body []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(p.r, head[:]); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size < 4 || size > 1<<24 {
		return 0, nil, fmt.Errorf("a message of %d bytes", size)
	}
	body = make([]byte, size-4)
	_, err = io.ReadFull(p.r, body)
	return head[0], body, err
}

func pgRow(body []byte) []string {
	row := make([]string, binary.BigEndian.Uint16(body))
	body = body[2:]
	for i := range row {
		size := int32(binary.BigEndian.Uint32(body))
		body = body[4:]
		if size > 0 {
			row[i], body = string(body[:size]), body[size:]
		}
	}
	return row
}

func pgError(body []byte) error {
	for _, field := range strings.Split(string(body), "\x00") {
		if strings.HasPrefix(field, "M") {
			return errors.New(field[1:])
		}
	}
	return errors.New("an error without a message")
}
