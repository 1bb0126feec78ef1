// Queries, topics and tokens as the CLI manages them.
package main

import (
	"fmt"
	"reflect"
)

func management(token string) {
	test("queries: running and past ones", func() error {
		var all []struct {
			ID       string `json:"id"`
			Started  string `json:"started"`
			SQL      string `json:"sql"`
			Username string `json:"username"`
			Status   string `json:"status"`
		}
		if _, _, err := call("GET", "/api/v1/sql/queries", token, nil, &all); err != nil {
			return err
		}
		return expect(len(all) > 5 && all[0].Status == "Completed" && all[0].Username != "", all[:1])
	})
	test("queries as the 2.x clients read them, and ending one that does not run", func() error {
		var running []struct {
			ID   int    `json:"id"`
			SQL  string `json:"sql"`
			User string `json:"user"`
			TS   int64  `json:"ts"`
		}
		if _, _, err := call("GET", "/api/sql/queries", token, nil, &running); err != nil {
			return err
		}
		var ended bool
		status, _, err := call("DELETE", "/api/sql/queries/12345", token, nil, &ended)
		if err != nil {
			return err
		}
		return expect(status == 200 && !ended, status, ended)
	})
	test("topics fit the types of the CLI", func() error {
		var topics []struct {
			Name        string `json:"topicName"`
			KeyType     string `json:"keyType"`
			ValueType   string `json:"valueType"`
			Partitions  int    `json:"partitions"`
			Replication int    `json:"replication"`
			Control     bool   `json:"isControlTopic"`
			KeySchema   string `json:"keySchema"`
			ValueSchema string `json:"valueSchema"`
			PerSecond   int64  `json:"messagesPerSecond"`
			Total       int64  `json:"totalMessages"`
			Timestamp   int64  `json:"timestamp"`
			Marked      bool   `json:"isMarkedForDeletion"`
			// The CLI asserts these kinds without a check.
			Config    []map[string]interface{} `json:"config"`
			Consumers []struct {
				ID          string `json:"id"`
				Coordinator struct {
					ID   int    `json:"id"`
					Host string `json:"host"`
				} `json:"coordinator"`
				Active     bool     `json:"active"`
				State      string   `json:"state"`
				Consumers  []string `json:"consumers"`
				Count      int      `json:"consumersCount"`
				Partitions int      `json:"topicPartitionsCount"`
				MinLag     int64    `json:"minLag"`
				MaxLag     int64    `json:"maxLag"`
			} `json:"consumers"`
			Per []struct {
				Partition int   `json:"partition"`
				Messages  int64 `json:"messages"`
				Begin     int64 `json:"begin"`
				End       int64 `json:"end"`
			} `json:"messagesPerPartition"`
		}
		name := "cli_topic_" + run
		configs := map[string]string{"cleanup.policy": "compact", "max.message.bytes": "5000000"}
		made := map[string]interface{}{"topicName": name, "partitions": 1, "replication": 1, "configs": configs}
		if status, text, err := call("POST", "/api/topics", token, made, nil); err != nil || status != 200 {
			return fmt.Errorf("create: %d %s %v", status, text, err)
		}
		status, text, err := call("GET", "/api/topics", token, nil, &topics)
		if err != nil {
			return err
		}
		own := map[string]string{}
		consumed := false
		for _, topic := range topics {
			consumed = consumed || topic.Name == consumedTopic && len(topic.Consumers) == 1 && topic.Consumers[0].ID == group && topic.Consumers[0].MaxLag == 2
			if topic.Name != name {
				continue
			}
			for _, setting := range topic.Config {
				if setting["isDefault"].(bool) == false {
					own[setting["name"].(string)] = setting["originalValue"].(string)
				}
			}
		}
		return expect(status == 200 && consumed && reflect.DeepEqual(own, configs), own, consumed, text)
	})
	test("a description is taken away by an empty body, and an empty list of settings changes nothing", func() error {
		path := "/api/v1/datasets/kafka/" + consumedTopic
		described := func() (interface{}, error) {
			var dataset map[string]interface{}
			_, _, err := call("GET", path, token, nil, &dataset)
			return dataset["description"], err
		}
		if status, text, err := call("PUT", path+"/description", token, map[string]string{"description": "what for"}, nil); err != nil || !isOK("PUT", status) {
			return fmt.Errorf("description: %d %s %v", status, text, err)
		}
		if given, err := described(); err != nil || given != "what for" {
			return fmt.Errorf("description: %v %v", given, err)
		}
		if status, text, err := call("PUT", path+"/description", token, map[string]string{}, nil); err != nil || !isOK("PUT", status) {
			return fmt.Errorf("no description: %d %s %v", status, text, err)
		}
		if given, err := described(); err != nil || given != nil {
			return fmt.Errorf("no description: %v %v", given, err)
		}
		status, text, err := call("PUT", "/api/configs/topics/"+consumedTopic, token, map[string]interface{}{"configs": []string{}}, nil)
		if err != nil {
			return err
		}
		return expect(isOK("PUT", status), status, text)
	})
	test("log out: the token is not good any more", func() error {
		own, err := login("admin", "admin")
		if err != nil {
			return err
		}
		if status, _, err := call("GET", "/api/logout?token="+own, "", nil, nil); err != nil || status != 204 {
			return fmt.Errorf("logout: %d %v", status, err)
		}
		status, _, err := call("GET", "/api/auth", own, nil, nil)
		if err != nil {
			return err
		}
		return expect(status == 401, status)
	})
}
