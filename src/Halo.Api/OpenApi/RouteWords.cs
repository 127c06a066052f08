using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Halo.Api.Routing;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Microsoft.AspNetCore.WebUtilities;

namespace Halo.Api.OpenApi;

/// <summary>What a route asks and answers, said where it is mapped. <see cref="RouteDescriber"/> puts it into the document.</summary>
static class RouteWords
{
    /// <summary>What it is for, in a line, and all that a caller has to know beside the fields.</summary>
    public static RouteHandlerBuilder Says(this RouteHandlerBuilder route, string name, string summary, string description) =>
        route.WithName(name).WithSummary(summary).WithDescription(description);

    /// <summary>Parameters and headers; those in the path are known by their names (<see cref="Inputs.Paths"/>).</summary>
    public static RouteHandlerBuilder Takes(this RouteHandlerBuilder route, params Input[] inputs) => route.WithMetadata([.. inputs]);

    /// <summary>The body.</summary>
    public static RouteHandlerBuilder Asks<T>(this RouteHandlerBuilder route, string meaning, T example, JsonTypeInfo<T> json, bool optional = false)
        where T : notnull =>
        route.Accepts(typeof(T), optional, "application/json").WithMetadata(new BodyWords(meaning, !optional, Node(example, json)));

    /// <summary>An answer of JSON. Several of one status are shown side by side.</summary>
    public static RouteHandlerBuilder Answers<T>(this RouteHandlerBuilder route, int status, string meaning, T example, JsonTypeInfo<T> json) =>
        route.Produces<T>(status, "application/json").WithMetadata(new AnswerWords(status, meaning, typeof(T), Node(example, json)));

    /// <summary>An answer without a body.</summary>
    public static RouteHandlerBuilder AnswersNothing(this RouteHandlerBuilder route, int status, string meaning) =>
        route.Produces(status).WithMetadata(new AnswerWords(status, meaning, null, null));

    /// <summary>An answer of rows by themselves: one example for each media type. Where the answer is JSON too, that alone has a schema.</summary>
    public static RouteHandlerBuilder AnswersRows(this RouteHandlerBuilder route, int status, string meaning, params RowsExample[] forms) =>
        route.WithMetadata(new RowsWords(status, meaning, forms));

    /// <summary>A refusal in the general shape.</summary>
    public static RouteHandlerBuilder Refuses(this RouteHandlerBuilder route, int status, string code, string message) =>
        route.Produces<ErrorResponse>(status).WithMetadata(Refusal(status, code, message));

    /// <summary>A header of an answer.</summary>
    public static RouteHandlerBuilder Sends(this RouteHandlerBuilder route, int status, string header, string meaning) =>
        route.WithMetadata(new HeaderWords(status, header, meaning));

    public static AnswerWords Refusal(int status, string code, string message) => new(status, message, typeof(ErrorResponse),
        Node(new ErrorResponse(new ApiError(status, ReasonPhrases.GetReasonPhrase(status), message) { Code = code }), HaloJson.Default.ErrorResponse));

    static JsonNode Node<T>(T example, JsonTypeInfo<T> json) => JsonSerializer.SerializeToNode(example, json)!;
}

/// <summary>What a body means.</summary>
sealed record BodyWords(string Meaning, bool Required, JsonNode Example);

/// <summary>What an answer means; without a type it has no body.</summary>
sealed record AnswerWords(int Status, string Meaning, Type? Body, JsonNode? Example);

/// <summary>Rows by themselves, in several forms.</summary>
sealed record RowsWords(int Status, string Meaning, IReadOnlyList<RowsExample> Forms);

/// <summary>Rows in one form.</summary>
/// <param name="Example">A JSON array, or the text itself.</param>
sealed record RowsExample(string MediaType, JsonNode Example);

/// <summary>A header of an answer.</summary>
sealed record HeaderWords(int Status, string Name, string Meaning);
