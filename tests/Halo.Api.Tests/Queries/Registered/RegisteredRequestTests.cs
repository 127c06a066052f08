using Halo.Api.Tests.Hosting;

namespace Halo.Api.Tests.Queries.Registered;

/// <summary>Every field of a registration: missing, null, of a wrong type, out of range, misspelt; all faults in one answer.</summary>
public sealed class RegisteredRequestTests(OneHost one) : IClassFixture<OneHost>
{
    const string Command = "\"registerCommand\":{\"command\":{\"text\":\"SELECT 1\"}}";

    [Theory]
    [InlineData("", "body")]
    [InlineData("[]", "body")]
    [InlineData("{", "body")]
    [InlineData("{}", "name", "registeredQueryType", "frequency", "duration", "registerCommand")]
    [InlineData("{\"name\":null,\"registeredQueryType\":null,\"frequency\":null,\"duration\":null,\"registerCommand\":null}", "name", "registeredQueryType", "frequency", "duration", "registerCommand")]
    [InlineData("{\"name\":1,\"registeredQueryType\":1,\"frequency\":\"60\",\"duration\":\"60\",\"registerCommand\":[]}", "name", "registeredQueryType", "frequency", "duration", "registerCommand")]
    [InlineData("{\"name\":\" \",\"registeredQueryType\":\"webhook\",\"frequency\":59,\"duration\":0," + Command + "}", "name", "registeredQueryType", "frequency", "duration")]
    [InlineData("{\"name\":\"a\\u0007\",\"registeredQueryType\":\"query\",\"frequency\":86401,\"duration\":86401," + Command + "}", "name", "frequency", "duration")]
    [InlineData("{\"name\":\"a\",\"registeredQueryType\":\"query\",\"frequency\":60.5,\"duration\":60," + Command + "}", "frequency")]
    [InlineData("{\"name\":\"a\",\"registeredQueryType\":\"query\",\"frequency\":60,\"duration\":60,\"registerCommand\":{}}", "registerCommand.command")]
    [InlineData("{\"name\":\"a\",\"registeredQueryType\":\"query\",\"frequency\":60,\"duration\":60,\"registerCommand\":{\"command\":{},\"catalogue\":\"nope\"}}", "registerCommand.command.text", "registerCommand.catalogue")]
    [InlineData("{\"name\":\"a\",\"registeredQueryType\":\"query\",\"frequency\":60,\"duration\":60,\"registerCommand\":{\"command\":{\"text\":\"UPDATE t SET a=1\",\"executionMode\":\"nonQuery\"}}}", "registerCommand.command.executionMode")]
    [InlineData("{\"name\":\"a\",\"registeredQueryType\":\"query\",\"frequency\":60,\"duration\":60,\"registerCommand\":{\"command\":{\"text\":\"SELECT 1\",\"timeout\":60001}}}", "registerCommand.command.timeout")]
    [InlineData("{\"name\":\"a\",\"registeredQueryType\":\"query\",\"frequency\":60,\"duration\":60,\"changes\":[]," + Command + "}", "changes")]
    [InlineData("{\"name\":\"a\",\"registeredQueryType\":\"query\",\"frequency\":60,\"duration\":60,\"changes\":{\"key\":[]}," + Command + "}", "changes")]
    [InlineData("{\"name\":\"a\",\"registeredQueryType\":\"query\",\"frequency\":60,\"duration\":60,\"changes\":{\"key\":[1]}," + Command + "}", "changes")]
    [InlineData("{\"name\":\"a\",\"registeredQueryType\":\"query\",\"frequency\":60,\"duration\":60,\"changes\":{\"key\":[\"id\",\"id\"]}," + Command + "}", "changes.key")]
    [InlineData("{\"name\":\"a\",\"registeredQueryType\":\"query\",\"frequency\":60,\"duration\":60,\"deliverFirst\":\"no\"," + Command + "}", "deliverFirst")]
    [InlineData("{\"name\":\"a\",\"registeredQueryType\":\"query\",\"frequncy\":60,\"frequency\":60,\"duration\":60," + Command + "}", "frequncy")]
    [InlineData("{\"name\":\"a\",\"registeredQueryType\":\"query\",\"frequency\":60,\"duration\":60,\"registerCommand\":{\"comand\":{},\"command\":{\"text\":\"SELECT 1\"}}}", "registerCommand.comand")]
    public async Task What_is_wrong_is_named(string body, params string[] fields)
    {
        await using var site = await RegisteredSite.CreateAsync(one.Host);
        using var response = await site.Site.SendAsync(HttpMethod.Post, "/registered", body);
        var error = await response.ErrorAsync(400);
        Assert.Equal(fields.Order(StringComparer.Ordinal), error.Errors!.Select(e => e.Field).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(60, 1)]
    [InlineData(86_400, 86_400)]
    public async Task The_ends_of_the_ranges_are_taken(int frequency, int duration)
    {
        await using var site = await RegisteredSite.CreateAsync(one.Host);
        using var response = await site.Site.SendAsync(HttpMethod.Post, "/registered", RegisteredSite.Body(", \"somethingNewer\": 1", frequency, duration));
        Assert.Equal(202, (int)response.StatusCode);
    }

    [Theory]
    [InlineData(4, 400)]
    [InlineData(5, 202)]
    public async Task The_shortest_time_between_runs_is_a_setting(int frequency, int status)
    {
        await using var host = await ApiHost.StartAsync("Halo:Limits:RegisteredFrequencySeconds=5");
        await using var site = await RegisteredSite.CreateAsync(host);
        using var response = await site.Site.SendAsync(HttpMethod.Post, "/registered", RegisteredSite.Body(frequency: frequency));
        Assert.Equal(status, (int)response.StatusCode);
    }

    [Theory]
    [InlineData(200, 202)]
    [InlineData(201, 400)]
    public async Task A_name_has_at_most_so_many_characters(int length, int status)
    {
        await using var site = await RegisteredSite.CreateAsync(one.Host);
        using var response = await site.Site.SendAsync(HttpMethod.Post, "/registered", RegisteredSite.Body().Replace("Today", new string('x', length), StringComparison.Ordinal));
        Assert.Equal(status, (int)response.StatusCode);
    }
}
