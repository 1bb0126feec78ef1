// Datasets and the schema registry as lenses-cli 5.x asks for them, with its types.
package main

import (
	"fmt"
	"strings"
)

type subjects struct {
	Datasets struct {
		Values []struct {
			Name          string `json:"name"`
			Format        string `json:"format"`
			Version       int    `json:"version"`
			Compatibility string `json:"compatibility"`
		} `json:"values"`
		PagesAmount int `json:"pagesAmount"`
		TotalCount  int `json:"totalCount"`
	} `json:"datasets"`
	SourceTypes []string `json:"sourceTypes"`
}
type schema struct {
	Name           string   `json:"name"`
	ConnectionName string   `json:"connectionName"`
	IsSystemEntity bool     `json:"isSystemEntity"`
	Permissions    []string `json:"permissions"`
	Description    string   `json:"description"`
	Tags           []struct {
		Name string `json:"name"`
	} `json:"tags"`
	Format        string `json:"format"`
	Schema        string `json:"schema"`
	Version       int    `json:"version"`
	SchemaID      string `json:"schemaId"`
	Compatibility string `json:"compatibility"`
	SourceType    string `json:"sourceType"`
}

func registry(token string) {
	name := "cli_schema_" + run + "-value"
	const at = "/api/v1/sr/default/subject/"
	written := `{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}`
	change := func(method, path string, body interface{}) error {
		status, text, err := call(method, path, token, body, nil)
		if err == nil && !isOK(method, status) {
			err = fmt.Errorf("%s %s: %d %s", method, path, status, text)
		}
		return err
	}
	read := func() (schema, int, error) {
		var found schema
		status, _, err := call("GET", "/api/v1/datasets/schema-registry/"+name, token, nil, &found)
		return found, status, err
	}
	test("schema-registry write, get, set", func() error {
		if err := change("PUT", at+name+"/current-version", map[string]string{"format": "AVRO", "schema": written}); err != nil {
			return err
		}
		if err := change("PUT", at+name+"/config", map[string]string{"compatibility": "FULL"}); err != nil {
			return err
		}
		found, status, err := read()
		if err != nil {
			return err
		}
		return expect(status == 200 && found.Name == name && found.Format == "AVRO" && found.Version == 1 && found.Compatibility == "FULL" && found.SchemaID != "" && strings.Contains(found.Schema, `"R"`), found)
	})
	test("export schemas: every subject, and each of them", func() error {
		var all subjects
		status, text, err := call("GET", "/api/v1/datasets?pageSize=99999&connections=schema-registry", token, nil, &all)
		if err != nil {
			return err
		}
		known := false
		for _, one := range all.Datasets.Values {
			known = known || one.Name == name && one.Version == 1 && one.Format == "AVRO" && one.Compatibility == "FULL"
		}
		return expect(status == 200 && known && all.Datasets.PagesAmount == 1 && all.Datasets.TotalCount == len(all.Datasets.Values), text)
	})
	test("schema-registry default: the compatibility of all others", func() error {
		path := "/api/v1/sr/default/config"
		var before, after map[string]string
		if _, _, err := call("GET", path, token, nil, &before); err != nil {
			return err
		}
		if err := change("PUT", path, map[string]string{"compatibility": "FULL"}); err != nil {
			return err
		}
		if _, _, err := call("GET", path, token, nil, &after); err != nil {
			return err
		}
		if err := change("PUT", path, before); err != nil {
			return err
		}
		return expect(after["compatibility"] == "FULL" && before["compatibility"] != "", before, after)
	})
	test("schema-registry remove-version, remove-schema", func() error {
		if err := change("PUT", at+name+"/config", map[string]string{"compatibility": "NONE"}); err != nil {
			return err
		}
		if err := change("PUT", at+name+"/current-version", map[string]string{"format": "AVRO", "schema": `"long"`}); err != nil {
			return err
		}
		if found, _, err := read(); err != nil || found.Version != 2 {
			return expect(false, found, err)
		}
		if err := change("DELETE", at+name+"/version/2", nil); err != nil {
			return err
		}
		if found, _, err := read(); err != nil || found.Version != 1 {
			return expect(false, found, err)
		}
		if err := change("DELETE", at+name, nil); err != nil {
			return err
		}
		_, status, err := read()
		if err != nil {
			return err
		}
		return expect(status == 404, status)
	})
	test("dataset list: the CLI's parameters", func() error {
		list := func(query string) (subjects, error) {
			var found subjects
			status, text, err := call("GET", "/api/v1/datasets?page=1&pageSize=50&"+query, token, nil, &found)
			if err == nil && status != 200 {
				err = fmt.Errorf("%d %s", status, text)
			}
			return found, err
		}
		one, err := list("query=" + consumedTopic)
		if err != nil {
			return err
		}
		compacted, err := list("query=" + consumedTopic + "&compacted=true")
		if err != nil {
			return err
		}
		first, err := list("sortBy=name&sortingOrder=desc")
		if err != nil {
			return err
		}
		values := first.Datasets.Values
		return expect(one.Datasets.TotalCount == 1 && compacted.Datasets.TotalCount == 0 && len(values) > 1 && values[0].Name > values[1].Name, one, compacted, first)
	})
}
