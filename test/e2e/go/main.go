// A client that speaks as lenses-cli 5.4.0 does: gorilla/websocket 1.4.2, Go's strict JSON types, login and presentation before each query. Prints one JSON line a case.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

var (
	url = os.Getenv("SLUICE_URL")
	key = os.Getenv("SLUICE_KEY")
	run = strconv.FormatInt(time.Now().UnixNano(), 36)
	// A group that stands at offset 1 of 3 in a topic of one partition, and has no members.
	group         = os.Getenv("SLUICE_GROUP")
	consumedTopic = os.Getenv("SLUICE_TOPIC")
)

// The types of the CLI: a frame that does not fit them is dropped with a complaint.
type metaData struct {
	Timestamp interface{} `json:"timestamp"`
	KeySize   int         `json:"__keysize"`
	ValueSize int         `json:"__valuesize"`
	Partition int         `json:"partition"`
	Offset    int         `json:"offset"`
}
type data struct {
	Key      json.RawMessage `json:"key"`
	Value    json.RawMessage `json:"value"`
	Metadata metaData        `json:"metadata"`
	RowNum   int             `json:"rownum"`
}
type response struct {
	Type string `json:"type"`
	Data data   `json:"data"`
}
type user struct {
	Token                string   `json:"token"`
	Name                 string   `json:"user"`
	SchemaRegistryDelete bool     `json:"schemaRegistryDelete"`
	Permissions          []string `json:"permissions"`
}
type lint struct {
	Start int    `json:"start"`
	End   int    `json:"end"`
	Text  string `json:"text"`
	Type  string `json:"type"`
}
type suggestion struct {
	Display string `json:"display"`
	Text    string `json:"text"`
}
type presentation struct {
	Input       string       `json:"input"`
	Caret       int          `json:"caret"`
	Lints       []lint       `json:"lints"`
	Highlights  []lint       `json:"highlights"`
	Suggestions []suggestion `json:"suggestions"`
}
type query struct {
	Token string `json:"token"`
	SQL   string `json:"sql"`
	Live  bool   `json:"live"`
	Stats int    `json:"stats"`
}

type outcome struct {
	records    []data
	errors     []string
	types      []string
	complaints []string
	ended      bool
	closeCode  int
}

func call(method, path, token string, body interface{}, into interface{}) (int, string, error) {
	var sent io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return 0, "", err
		}
		sent = bytes.NewReader(encoded)
	}
	request, err := http.NewRequest(method, url+path, sent)
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json, text/plain")
	if token != "" {
		request.Header.Set("X-Kafka-Lenses-Token", token)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && into != nil && answer.StatusCode < 300 {
		err = json.Unmarshal(text, into)
	}
	return answer.StatusCode, string(text), err
}

// login gives the token to use: the one that GET /api/auth names.
func login(name, password string) (string, error) {
	status, token, err := call("POST", "/api/login", "", map[string]string{"user": name, "password": password}, nil)
	if err != nil || status != 200 {
		return "", fmt.Errorf("login: %d %s %v", status, token, err)
	}
	var who user
	if status, text, err := call("GET", "/api/auth", token, nil, &who); err != nil || status != 200 {
		return "", fmt.Errorf("auth: %d %s %v", status, text, err)
	}
	return who.Token, nil
}

func present(token, sql string, caret int) (presentation, error) {
	var answer presentation
	status, text, err := call("POST", "/api/v1/sql/presentation", token, map[string]interface{}{"sql": sql, "caret": caret}, &answer)
	if err == nil && (status < 200 || status > 299) {
		err = fmt.Errorf("presentation: %d %s", status, text)
	}
	return answer, err
}

// ask runs a query as the CLI does; any failure of the presentation stops it before the socket opens.
func ask(token, sql string, live bool) (outcome, error) {
	var result outcome
	if _, err := present(token, sql, 0); err != nil {
		return result, err
	}
	conn, _, err := websocket.DefaultDialer.Dial(strings.Replace(url, "http://", "ws://", 1)+"/api/ws/v2/sql/execute", nil)
	if err != nil {
		return result, err
	}
	defer conn.Close()
	if err := conn.WriteJSON(query{token, sql, live, 2}); err != nil {
		return result, err
	}
	for {
		_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
		var frame response
		if err := conn.ReadJSON(&frame); err != nil {
			if closed, is := err.(*websocket.CloseError); is {
				result.closeCode = closed.Code
				return result, nil
			}
			if _, is := err.(*json.UnmarshalTypeError); !is {
				return result, err
			}
			result.complaints = append(result.complaints, err.Error())
			continue
		}
		result.types = append(result.types, frame.Type)
		switch frame.Type {
		case "RECORD":
			result.records = append(result.records, frame.Data)
		case "ERROR":
			// What the CLI prints, before it ends with code 1.
			var text string
			_ = json.Unmarshal(frame.Data.Value, &text)
			result.errors = append(result.errors, text)
		case "END":
			result.ended = true
		}
	}
}

// isOK: what the CLI takes for success. Of a PUT that is no 204.
func isOK(method string, status int) bool {
	return status >= 200 && status <= 202 || status == 204 && (method == "DELETE" || method == "POST")
}

func test(name string, body func() error) {
	line := map[string]interface{}{"case": name, "ok": true}
	if err := body(); err != nil {
		line["ok"] = false
		line["error"] = err.Error()
	}
	// The order of the keys counts for whoever reads the lines: "case" comes first alphabetically.
	encoded, _ := json.Marshal(line)
	fmt.Println(string(encoded))
}

func expect(holds bool, shown ...interface{}) error {
	if holds {
		return nil
	}
	return fmt.Errorf("got %+v", shown)
}

func displays(p presentation) string {
	var names []string
	for _, s := range p.Suggestions {
		names = append(names, s.Display)
	}
	return " " + strings.Join(names, " ") + " "
}

func main() {
	token, err := login("admin", "admin")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	accounts(token)
	queries(token)
	editing(token)
	management(token)
	registry(token)
	consumers(token)
}

func accounts(token string) {
	test("login and auth give the same token", func() error {
		var who user
		_, _, err := call("GET", "/api/auth", token, nil, &who)
		if err != nil {
			return err
		}
		return expect(who.Token == token && who.Name == "admin" && len(who.Permissions) > 0, who)
	})
	test("a wrong password: 401", func() error {
		status, _, err := call("POST", "/api/login", "", map[string]string{"user": "admin", "password": "no"}, nil)
		if err != nil {
			return err
		}
		return expect(status == 401, status)
	})
	test("--token: a service account's key", func() error {
		result, err := ask(key, "SHOW TABLE TYPES", false)
		if err != nil {
			return err
		}
		return expect(len(result.records) == 2, result)
	})
	test("--token with the name in front", func() error {
		result, err := ask("robot:"+key, "SHOW TABLE TYPES", false)
		if err != nil {
			return err
		}
		return expect(len(result.records) == 2, result)
	})
	test("a token that is not valid stops at the presentation", func() error {
		_, err := ask("nothing", "SHOW TABLES", false)
		return expect(err != nil && strings.Contains(err.Error(), "401"), err)
	})
}

func queries(token string) {
	table := "cli_" + run
	do := func(sql string) (outcome, error) { return ask(token, sql, false) }
	test("create and fill a table", func() error {
		if _, err := do("CREATE TABLE " + table + "(_key string, id int, name string) FORMAT (string, avro)"); err != nil {
			return err
		}
		result, err := do("INSERT INTO " + table + "(_key, id, name) VALUES ('a', 1, 'x'), ('b', 2, 'y'), ('c', 3, 'z')")
		if err != nil {
			return err
		}
		return expect(len(result.records) == 1 && string(result.records[0].Value) == `{"flag":true,"info":"3 records inserted"}`, result)
	})
	test("rows: key, value, metadata and rownum fit the types", func() error {
		result, err := do("SELECT * FROM " + table)
		if err != nil {
			return err
		}
		if len(result.records) != 3 || len(result.complaints) > 0 {
			return expect(false, result)
		}
		r := result.records[1]
		return expect(string(r.Key) == `"b"` && string(r.Value) == `{"id":2,"name":"y"}` && r.Metadata.Offset == 1 && r.Metadata.KeySize == 1 && r.Metadata.ValueSize > 5 && r.RowNum == 1, r)
	})
	test("END is sent, then the close with 1000", func() error {
		result, err := do("SELECT * FROM " + table)
		if err != nil {
			return err
		}
		return expect(result.ended && result.closeCode == 1000 && result.types[len(result.types)-1] == "END", result)
	})
	test("statistics fit the types of a frame", func() error {
		result, err := do("SELECT * FROM " + table)
		if err != nil {
			return err
		}
		return expect(strings.Contains(strings.Join(result.types, " "), "STATS"), result.types)
	})
	test("no statistics before the first row", func() error {
		result, err := do("SELECT * FROM " + table)
		if err != nil {
			return err
		}
		all := strings.Join(result.types, " ")
		return expect(strings.Index(all, "RECORD") < strings.Index(all, "STATS"), all)
	})
	test("--live-stream of an aggregation", func() error {
		result, err := ask(token, "SELECT count(*) FROM "+table, true)
		if err != nil {
			return err
		}
		last := result.records[len(result.records)-1]
		return expect(string(last.Value) == `{"count":3}` && len(result.complaints) == 0 && result.ended, result)
	})
	test("--live-stream of rows", func() error {
		result, err := ask(token, "SELECT * FROM "+table, true)
		if err != nil {
			return err
		}
		return expect(len(result.records) == 3 && result.ended, result)
	})
	test("an error: the text is where the CLI looks for it, and END comes", func() error {
		result, err := do("SELECT * FROM nowhere_" + run)
		if err != nil {
			return err
		}
		return expect(result.ended && len(result.complaints) == 0 && len(result.errors) == 1 && strings.HasPrefix(result.errors[0], "Unknown table"), result)
	})
	test("several statements", func() error {
		result, err := do("SELECT id FROM " + table + " LIMIT 1; SHOW TABLE TYPES")
		if err != nil {
			return err
		}
		return expect(len(result.records) == 3, result)
	})
	test("new lines that the client made spaces of", func() error {
		result, err := do(strings.ReplaceAll("SELECT id\nFROM "+table+"\nWHERE id > 1\n", "\n", " "))
		if err != nil {
			return err
		}
		return expect(len(result.records) == 2, result)
	})
	test("older versions read the time of a record as a number, under SET format.timestamp = false", func() error {
		result, err := do("SET format.timestamp = false; SELECT * FROM " + table)
		if err != nil {
			return err
		}
		moment, is := result.records[0].Metadata.Timestamp.(float64)
		return expect(is && len(result.records) == 3 && moment > 1.5e12, result.records)
	})
	test("64-bit integers stay whole", func() error {
		result, err := do("SELECT 9223372036854775807 AS big FROM __dual")
		if err != nil {
			return err
		}
		return expect(string(result.records[0].Value) == `{"big":9223372036854775807}`, result)
	})
	test("DROP TABLE", func() error {
		result, err := do("DROP TABLE " + table)
		if err != nil {
			return err
		}
		return expect(string(result.records[0].Value) == "true", result)
	})
}

func editing(token string) {
	table := "edit_" + run
	test("presentation: every field is there, and of its type", func() error {
		p, err := present(token, "SELECT 1", 8)
		if err != nil {
			return err
		}
		return expect(p.Input == "SELECT 1" && p.Caret == 8 && p.Lints != nil && p.Highlights != nil && p.Suggestions != nil, p)
	})
	test("presentation: suggestions follow the caret", func() error {
		if _, err := ask(token, "CREATE TABLE "+table+"(_key string, amount int, currency string) FORMAT (string, avro)", false); err != nil {
			return err
		}
		sql := "SELECT  FROM " + table
		p, err := present(token, sql, 7)
		if err != nil {
			return err
		}
		if !strings.Contains(displays(p), " amount currency ") {
			return expect(false, displays(p))
		}
		p, err = present(token, sql, len(sql)-2)
		if err != nil {
			return err
		}
		return expect(strings.Contains(displays(p), " "+table+" "), displays(p))
	})
	test("presentation: a beginning", func() error {
		p, err := present(token, "SH", 2)
		if err != nil {
			return err
		}
		return expect(displays(p) == " SHOW ", displays(p))
	})
	test("presentation: lints say where and what", func() error {
		p, err := present(token, "SELECT amoun FROM "+table, 0)
		if err != nil {
			return err
		}
		return expect(len(p.Lints) == 1 && p.Lints[0].Start == 7 && p.Lints[0].End == 12 && p.Lints[0].Type == "error" && strings.Contains(p.Lints[0].Text, "amount"), p.Lints)
	})
	test("presentation: text that is no SQL is linted, not refused", func() error {
		p, err := present(token, "SELECT * FORM x", 0)
		if err != nil {
			return err
		}
		return expect(len(p.Lints) == 1 && p.Lints[0].Start == 9, p.Lints)
	})
	test("presentation: highlights cover the words", func() error {
		p, err := present(token, "SELECT count(*) FROM t -- x", 0)
		if err != nil {
			return err
		}
		last := p.Highlights[len(p.Highlights)-1]
		return expect(p.Highlights[0].Type == "keyword" && p.Highlights[1].Type == "function" && last.Type == "comment" && last.Start == 23, p.Highlights)
	})
	test("presentation: nothing typed yet", func() error {
		p, err := present(token, "", 0)
		if err != nil {
			return err
		}
		return expect(len(p.Lints) == 0 && strings.Contains(displays(p), " SELECT "), p)
	})
	test("the older validation", func() error {
		var answer struct {
			IsValid bool   `json:"isValid"`
			Line    int    `json:"line"`
			Column  int    `json:"column"`
			Message string `json:"message"`
		}
		if _, _, err := call("GET", "/api/sql/validation?sql=SELECT%20FROM", token, nil, &answer); err != nil {
			return err
		}
		return expect(!answer.IsValid && answer.Line == 1 && answer.Column == 8 && answer.Message != "", answer)
	})
}
