// The strangers' contract (tests/fidelity/strangers.py) kept by slack-go, over Socket Mode or HTTP.
// What it sees and does is printed, one JSON object a line.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"
)

type facts map[string]interface{}

// acknowledge answers what Slack sent, once.
type acknowledge func(payload ...interface{})

// fileShared is the event as documented: this release of slack-go has no type for it. It has those of file_deleted and
// user_change, but only reads them from its older RTM API.
type fileShared struct {
	Type    string `json:"type"`
	FileID  string `json:"file_id"`
	UserID  string `json:"user_id"`
	Channel string `json:"channel_id"`
	File    struct {
		ID string `json:"id"`
	} `json:"file"`
	EventTimeStamp string `json:"event_ts"`
}

var (
	api     *slack.Client
	me      *slack.AuthTestResponse
	printer sync.Mutex
	digits  = regexp.MustCompile(`^\d+$`)
)

func say(what string, known facts) {
	line := facts{"what": what}
	for name, value := range known {
		line[name] = value
	}
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	printer.Lock()
	defer printer.Unlock()
	fmt.Printf("%s\n", text)
}

func failed(doing string, err error) bool {
	if err != nil {
		say("failed", facts{"doing": doing, "error": err.Error()})
	}
	return err != nil
}

func orNull(text string) interface{} {
	if text == "" {
		return nil
	}
	return text
}

// patiently calls again after the pause a rate limit asks for, as slack-go leaves to its users.
func patiently(call func() error) error {
	for {
		err := call()
		var limited *slack.RateLimitedError
		if !errors.As(err, &limited) {
			return err
		}
		say("limited", facts{"seconds": limited.RetryAfter.Seconds()})
		time.Sleep(limited.RetryAfter)
	}
}

func plain(words string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, words, false, false)
}

func markdown(words string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, words, false, false)
}

func button(action, words, value string) *slack.ButtonBlockElement {
	return slack.NewButtonBlockElement(action, value, plain(words))
}

func form(title, metadata string) slack.ModalViewRequest {
	input := slack.NewInputBlock("amount", plain("Amount"), nil, slack.NewPlainTextInputBlockElement(nil, "typed"))
	more := slack.NewActionBlock("more", button("refresh", "Refresh", "r"), button("deeper", "Deeper", "d"))
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: "form", Title: plain(title), Submit: plain("Send"), Close: plain("Leave"),
		NotifyOnClose: true, PrivateMetadata: metadata, Blocks: slack.Blocks{BlockSet: []slack.Block{input, more}},
	}
}

func home(words string) slack.HomeTabViewRequest {
	greeting := slack.NewActionBlock("greeting", button("hello", "Hello", "h"))
	section := slack.NewSectionBlock(markdown(words), nil, nil)
	return slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: []slack.Block{section, greeting}}}
}

// call is a method slack-go has no function for: a form with the token, like all it sends itself.
func call(method string, values url.Values, into interface{}) error {
	values.Set("token", os.Getenv("SLACK_BOT_TOKEN"))
	answer, err := http.PostForm(os.Getenv("SLACK_API_URL")+method, values)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	return json.NewDecoder(answer.Body).Decode(into)
}

// upload is Slack's three-call way. This release of slack-go only knows files.upload, which is gone.
func upload(channel string) {
	content := "phone\n+12125550100\n"
	var place struct {
		slack.SlackResponse
		URL  string `json:"upload_url"`
		File string `json:"file_id"`
	}
	err := call("files.getUploadURLExternal", url.Values{"filename": {"numbers.csv"}, "length": {fmt.Sprint(len(content))}}, &place)
	if failed("upload", err) || failed("upload", place.Err()) {
		return
	}
	answer, err := http.Post(place.URL, "application/octet-stream", strings.NewReader(content))
	if failed("upload", err) {
		return
	}
	answer.Body.Close()
	var done struct {
		slack.SlackResponse
		Files []slack.File `json:"files"`
	}
	files := fmt.Sprintf(`[{"id": %q, "title": "Numbers"}]`, place.File)
	err = call("files.completeUploadExternal", url.Values{"files": {files}, "channel_id": {channel}, "initial_comment": {"here"}}, &done)
	if failed("upload", err) || failed("upload", done.Err()) {
		return
	}
	say("uploaded", facts{"file": done.Files[0].ID})
}

func post(channel, words string) {
	options := []*slack.OptionBlockObject{
		slack.NewOptionBlockObject("a", plain("a"), nil), slack.NewOptionBlockObject("b", plain("b"), nil),
	}
	choose := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, plain("Choose"), "choose", options...)
	began := time.Now()
	var ts string
	err := patiently(func() (err error) {
		_, ts, _, err = api.SendMessage(
			channel,
			slack.MsgOptionText(words, false),
			slack.MsgOptionBlocks(
				slack.NewSectionBlock(markdown(words), nil, nil),
				slack.NewActionBlock("choices", button("press", "Press", "pressed"), choose),
			),
		)
		return err
	})
	if !failed("post", err) {
		say("posted", facts{"ts": ts, "text": words, "seconds": time.Since(began).Seconds()})
	}
}

func pages() {
	users, channels, most := []string{}, []string{}, 0
	page := api.GetUsersPaginated(slack.GetUsersOptionLimit(2))
	for {
		next, err := page.Next(context.Background())
		if page.Done(err) {
			break
		}
		if failed("pages", err) {
			return
		}
		page = next
		for _, user := range page.Users {
			users = append(users, user.ID)
		}
		if len(page.Users) > most {
			most = len(page.Users)
		}
	}
	for cursor := ""; ; {
		found, next, err := api.GetConversations(&slack.GetConversationsParameters{Limit: 2, Cursor: cursor})
		if failed("pages", err) {
			return
		}
		for _, channel := range found {
			channels = append(channels, channel.ID)
		}
		if len(found) > most {
			most = len(found)
		}
		if next == "" {
			break
		}
		cursor = next
	}
	say("pages", facts{"users": users, "channels": channels, "most": most})
}

func mistakes() {
	_, _, _, posting := api.SendMessage("C0NOWHERE00", slack.MsgOptionText("x", false))
	_, asking := api.GetUserInfo("U0NOBODY000")
	_, _, _, filing := api.GetFileInfo("F0NOTHING00", 0, 0)
	_, opening := api.OpenView("1.2.3", form("x", ""))
	codes := []string{}
	for _, err := range []error{posting, asking, filing, opening} {
		if err == nil {
			codes = append(codes, "none")
		} else {
			codes = append(codes, err.Error())
		}
	}
	say("errors", facts{"errors": codes})
}

// survey calls what else slack-go has a function for, and prints what it read of each answer.
func survey(got slack.SlashCommand) {
	seen := facts{}
	add := func(name string, err error, value interface{}) {
		if err != nil {
			value = err.Error()
		}
		seen[name] = value
	}
	_, ts, err := api.PostMessage(got.ChannelID, slack.MsgOptionText("surveyed", false))
	add("posted", err, ts)
	_, _, text, err := api.UpdateMessage(got.ChannelID, ts, slack.MsgOptionText("surveyed again", false))
	add("updated", err, text)
	_, _, err = api.PostMessage(got.ChannelID, slack.MsgOptionText("below", false), slack.MsgOptionTS(ts))
	add("replied", err, true)
	history, err := api.GetConversationHistory(&slack.GetConversationHistoryParameters{ChannelID: got.ChannelID, Limit: 1})
	if err == nil {
		message := history.Messages[0]
		add("history", err, []interface{}{message.Text, message.ReplyCount, message.LatestReply != "", message.Edited.User})
	} else {
		add("history", err, nil)
	}
	replies, more, _, err := api.GetConversationReplies(&slack.GetConversationRepliesParameters{ChannelID: got.ChannelID, Timestamp: ts})
	add("replies", err, []interface{}{len(replies), more})
	link, err := api.GetPermalink(&slack.PermalinkParameters{Channel: got.ChannelID, Ts: ts})
	add("permalink", err, strings.HasSuffix(link, "/p"+strings.Replace(ts, ".", "", 1)))
	_, _, err = api.DeleteMessage(got.ChannelID, ts)
	add("deleted", err, true)
	_, err = api.PostEphemeral(got.ChannelID, got.UserID, slack.MsgOptionText("for you", false))
	add("ephemeral", err, true)
	channel, err := api.GetConversationInfo(got.ChannelID, false)
	if err == nil {
		add("channel", err, []interface{}{channel.Name, channel.IsChannel, channel.IsMember, channel.Purpose.Value})
	} else {
		add("channel", err, nil)
	}
	members, _, err := api.GetUsersInConversation(&slack.GetUsersInConversationParameters{ChannelID: got.ChannelID})
	add("members", err, members)
	direct, _, _, err := api.OpenConversation(&slack.OpenConversationParameters{Users: []string{got.UserID}, ReturnIM: true})
	if err == nil {
		add("direct", err, []interface{}{direct.User, direct.IsIM})
	} else {
		add("direct", err, nil)
	}
	_, warning, _, err := api.JoinConversation(got.ChannelID)
	add("joined", err, warning)
	user, err := api.GetUserInfo(got.UserID)
	if err == nil {
		add("user", err, []interface{}{user.RealName, user.TZOffset, user.Profile.DisplayName, user.Profile.Image72 != "", user.IsRestricted})
	} else {
		add("user", err, nil)
	}
	groups, err := api.GetUserGroups(slack.GetUserGroupsOptionIncludeUsers(true))
	if err == nil {
		add("group", err, []interface{}{groups[0].Handle, groups[0].UserCount})
		inGroup, err := api.GetUserGroupMembers(groups[0].ID)
		add("in group", err, len(inGroup))
	} else {
		add("group", err, nil)
	}
	bot, err := api.GetBotInfo(me.BotID)
	if err == nil {
		add("bot", err, []interface{}{bot.Name, bot.UserID, bot.Icons.Image72 != ""})
	} else {
		add("bot", err, nil)
	}
	team, err := api.GetTeamInfo()
	if err == nil {
		add("team", err, []interface{}{team.ID, team.Domain})
	} else {
		add("team", err, nil)
	}
	say("survey", seen)
}

func command(ack acknowledge, got slack.SlashCommand) {
	say("command", facts{
		"command": got.Command, "text": got.Text, "user": got.UserID, "channel": got.ChannelID,
		"team": got.TeamID, "app": got.APIAppID,
	})
	word, rest, _ := strings.Cut(got.Text, " ")
	if word == "echo" {
		ack(facts{"text": "heard " + rest})
		failed("respond", slack.PostWebhook(
			got.ResponseURL, &slack.WebhookMessage{ResponseType: slack.ResponseTypeInChannel, Text: "answered " + rest},
		))
		return
	}
	ack()
	switch word {
	case "form":
		answer, err := api.OpenView(got.TriggerID, form("First", got.ChannelID))
		if !failed("form", err) {
			say("opened", facts{"view": answer.ID, "hash": answer.Hash, "title": answer.Title.Text})
		}
	case "upload":
		upload(got.ChannelID)
	case "post":
		post(got.ChannelID, rest)
	case "pages":
		pages()
	case "errors":
		mistakes()
	case "survey":
		survey(got)
	}
}

func event(retryNum int, retryReason string, outer slackevents.EventsAPIEvent) {
	switch got := outer.InnerEvent.Data.(type) {
	case *slackevents.AppMentionEvent:
		say("mention", facts{
			"user": got.User, "text": got.Text, "ts": got.TimeStamp, "thread_ts": orNull(got.ThreadTimeStamp),
			"channel": got.Channel, "event_ts": got.EventTimeStamp,
			"event_id":  outer.Data.(*slackevents.EventsAPICallbackEvent).EventID,
			"retry_num": retryNum, "retry_reason": retryReason,
		})
		thread := got.ThreadTimeStamp
		if thread == "" {
			thread = got.TimeStamp
		}
		_, _, err := api.PostMessage(got.Channel, slack.MsgOptionText("you said "+got.Text, false), slack.MsgOptionTS(thread))
		failed("mention", err)
	case *slackevents.MessageEvent:
		if got.ChannelType != "im" || got.SubType != "" || got.BotID != "" {
			return
		}
		say("message", facts{"text": got.Text, "user": got.User, "channel": got.Channel, "ts": got.TimeStamp})
		_, _, err := api.PostMessage(got.Channel, slack.MsgOptionText("dm "+got.Text, false))
		failed("message", err)
	case *fileShared:
		if got.UserID == me.UserID {
			return
		}
		file, _, _, err := api.GetFileInfo(got.FileID, 0, 0)
		if failed("file", err) {
			return
		}
		var content bytes.Buffer
		if failed("file", api.GetFile(file.URLPrivateDownload, &content)) {
			return
		}
		shares := append(file.Shares.Public[got.Channel], file.Shares.Private[got.Channel]...)
		thread := shares[0].ThreadTs
		if thread == "" {
			thread = shares[0].Ts
		}
		say("file", facts{
			"file": got.File.ID, "user": got.UserID, "channel": got.Channel, "name": file.Name, "size": file.Size,
			"sha256": fmt.Sprintf("%x", sha256.Sum256(content.Bytes())), "thread": thread,
		})
		answer := fmt.Sprintf("%s has %d bytes", file.Name, content.Len())
		_, _, err = api.PostMessage(got.Channel, slack.MsgOptionText(answer, false), slack.MsgOptionTS(thread))
		failed("file", err)
	case *slackevents.AppHomeOpenedEvent:
		say("home", facts{"user": got.User, "tab": got.Tab})
		if got.View.ID != "" {
			return
		}
		answer, err := api.PublishView(got.User, home("Welcome"), "")
		if !failed("home", err) {
			say("published", facts{"view": answer.ID, "hash": answer.Hash})
		}
	}
}

func action(got slack.InteractionCallback) {
	chosen := got.ActionCallback.BlockActions[0]
	value := chosen.Value
	if value == "" {
		value = chosen.SelectedOption.Value
	}
	say("action", facts{
		"action_id": chosen.ActionID, "value": value, "user": got.User.ID, "container": got.Container.Type,
		"ts": orNull(got.Message.Timestamp), "thread_ts": orNull(got.Message.ThreadTimestamp),
	})
	switch chosen.ActionID {
	case "press":
		failed("press", slack.PostWebhook(
			got.ResponseURL, &slack.WebhookMessage{ReplaceOriginal: true, Text: fmt.Sprintf("pressed by <@%s>", got.User.ID)},
		))
	case "choose":
		failed("choose", slack.PostWebhook(got.ResponseURL, &slack.WebhookMessage{Text: "chose " + value}))
	case "refresh":
		answer, err := api.UpdateView(form("Second", got.View.PrivateMetadata), "", got.View.Hash, got.View.ID)
		if !failed("refresh", err) {
			say("updated", facts{"view": answer.ID, "hash": answer.Hash, "title": answer.Title.Text})
		}
	case "deeper":
		answer, err := api.PushView(got.TriggerID, form("Third", got.View.PrivateMetadata))
		if !failed("deeper", err) {
			say("pushed", facts{"view": answer.ID, "root": answer.RootViewID, "previous": answer.PreviousViewID})
		}
	case "hello":
		answer, err := api.PublishView(got.User.ID, home("Hello yourself"), got.View.Hash)
		if !failed("hello", err) {
			say("published", facts{"view": answer.ID, "hash": answer.Hash})
		}
	}
}

func interaction(ack acknowledge, got slack.InteractionCallback) {
	switch got.Type {
	case slack.InteractionTypeBlockActions:
		ack()
		action(got)
	case slack.InteractionTypeMessageAction:
		ack()
		say("shortcut", facts{
			"callback_id": got.CallbackID, "text": got.Message.Text, "ts": got.MessageTs,
			"thread_ts": orNull(got.Message.ThreadTimestamp), "channel": got.Channel.ID, "user": got.User.ID,
		})
		failed("look", slack.PostWebhook(got.ResponseURL, &slack.WebhookMessage{Text: "looked at " + got.Message.Text}))
	case slack.InteractionTypeShortcut:
		ack()
		say("anywhere", facts{"user": got.User.ID})
	case slack.InteractionTypeViewSubmission:
		value := got.View.State.Values["amount"]["typed"].Value
		say("submission", facts{
			"callback_id": got.View.CallbackID, "value": value, "metadata": got.View.PrivateMetadata, "user": got.User.ID,
		})
		if !digits.MatchString(value) {
			ack(slack.NewErrorsViewSubmissionResponse(map[string]string{"amount": "Digits only"}))
			return
		}
		ack()
		_, _, err := api.PostMessage(got.View.PrivateMetadata, slack.MsgOptionText("amount "+value, false))
		failed("submission", err)
	case slack.InteractionTypeViewClosed:
		ack()
		say("closed", facts{"callback_id": got.View.CallbackID, "view": got.View.ID, "cleared": got.IsCleared})
	}
}

// overSocketMode runs until Slack has nothing more to do with the app.
func overSocketMode() {
	client := socketmode.New(api)
	go func() {
		for got := range client.Events {
			request := got.Request
			ack := func(payload ...interface{}) { client.Ack(*request, payload...) }
			switch got.Type {
			case socketmode.EventTypeHello:
				say("connected", facts{"connections": request.NumConnections, "app": request.ConnectionInfo.AppID})
			case socketmode.EventTypeSlashCommand:
				go command(ack, got.Data.(slack.SlashCommand))
			case socketmode.EventTypeInteractive:
				go interaction(ack, got.Data.(slack.InteractionCallback))
			case socketmode.EventTypeEventsAPI:
				if missed(request.Payload, request.RetryAttempt) {
					continue
				}
				ack()
				go event(request.RetryAttempt, request.RetryReason, got.Data.(slackevents.EventsAPIEvent))
			case socketmode.EventTypeErrorBadMessage:
				failed("reading", got.Data.(*socketmode.ErrorBadMessage).Cause)
			}
		}
	}()
	failed("run", client.Run())
}

// missed is true of the event that the app, by contract, does not acknowledge the first time.
func missed(payload []byte, retryNum int) bool {
	return bytes.Contains(payload, []byte("once more")) && retryNum == 0
}

// overHTTP serves at a port of its own, which it says.
func overHTTP() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if failed("listen", err) {
		os.Exit(1)
	}
	say("listening", facts{"port": listener.Addr().(*net.TCPAddr).Port})
	failed("serve", http.Serve(listener, http.HandlerFunc(receive)))
}

func receive(answer http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if failed("reading", err) {
		return
	}
	verifier, err := slack.NewSecretsVerifier(request.Header, os.Getenv("SLACK_SIGNING_SECRET"))
	if err == nil {
		_, _ = verifier.Write(body)
		err = verifier.Ensure()
	}
	if err != nil {
		say("refused", facts{"error": err.Error()})
		answer.WriteHeader(http.StatusUnauthorized)
		return
	}
	if request.Header.Get("Content-Type") == "application/json" {
		receiveEvent(answer, request, body)
		return
	}
	acknowledged := make(chan struct{})
	ack := func(payload ...interface{}) {
		defer close(acknowledged)
		if len(payload) > 0 {
			answer.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(answer).Encode(payload[0])
		}
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	if payload := request.PostFormValue("payload"); payload != "" {
		var got slack.InteractionCallback
		if failed("reading", json.Unmarshal([]byte(payload), &got)) {
			answer.WriteHeader(http.StatusBadRequest)
			return
		}
		go interaction(ack, got)
	} else {
		got, err := slack.SlashCommandParse(request)
		if failed("reading", err) {
			answer.WriteHeader(http.StatusBadRequest)
			return
		}
		go command(ack, got)
	}
	<-acknowledged
}

func receiveEvent(answer http.ResponseWriter, request *http.Request, body []byte) {
	got, err := slackevents.ParseEvent(body, slackevents.OptionNoVerifyToken())
	if failed("reading", err) {
		answer.WriteHeader(http.StatusBadRequest)
		return
	}
	if got.Type == slackevents.URLVerification {
		_, _ = io.WriteString(answer, got.Data.(*slackevents.EventsAPIURLVerificationEvent).Challenge)
		return
	}
	retryNum, _ := strconv.Atoi(request.Header.Get("X-Slack-Retry-Num"))
	if missed(body, retryNum) {
		<-request.Context().Done()
		return
	}
	go event(retryNum, request.Header.Get("X-Slack-Retry-Reason"), got)
}

func main() {
	slackevents.EventsAPIInnerEventMapping["file_shared"] = fileShared{}
	slackevents.EventsAPIInnerEventMapping["file_deleted"] = slack.FileDeletedEvent{}
	slackevents.EventsAPIInnerEventMapping["user_change"] = slack.UserChangeEvent{}
	api = slack.New(
		os.Getenv("SLACK_BOT_TOKEN"),
		slack.OptionAppLevelToken(os.Getenv("SLACK_APP_TOKEN")),
		slack.OptionAPIURL(os.Getenv("SLACK_API_URL")),
	)
	var err error
	if me, err = api.AuthTest(); failed("auth.test", err) {
		os.Exit(1)
	}
	say("ready", facts{"user": me.UserID, "bot": me.BotID, "team": me.TeamID})
	// The test ends this program by closing its standard input.
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	if os.Getenv("MODE") == "http" {
		overHTTP()
	} else {
		overSocketMode()
	}
}
