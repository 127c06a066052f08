using Halo.Api.Errors;
using Halo.Api.Results.Formats;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Api.Results.Negotiation;

/// <summary>How a caller wants rows: what <c>Accept</c>, <c>Halo-Integers</c> and <c>csvFormulas</c> say.</summary>
/// <param name="Form">A form of rows by themselves; null: plain JSON, as the contract has it.</param>
/// <param name="IntegersAsText">Whether 64-bit integers are written as strings.</param>
sealed record ResponseFormat(RowForm? Form, bool IntegersAsText)
{
    /// <summary>The form in which this command's rows are streamed; null where it has none or plain JSON is wanted.</summary>
    public RowForm? StreamFor(QueryCommand command) => command.ExecutionMode == ExecutionMode.NonQuery ? null : Form;

    /// <summary>What the request asks for, or why it cannot be given.</summary>
    public static (ResponseFormat? Wanted, Refusal? Refusal) Read(HttpRequest request)
    {
        var (asText, badHeader) = IntegerForm.Read(request);
        if (badHeader is not null)
            return (null, badHeader);
        var (escape, badParameter) = CsvFormulas.Read(request);
        if (badParameter is not null)
            return (null, badParameter);
        return AcceptedForm.Choose(request.Headers.Accept) is { } accepted
            ? (new(accepted.Form == RowForm.Csv && escape ? RowForm.CsvWithoutFormulas : accepted.Form, asText), null)
            : (null, new Refusal(406, ErrorCodes.NotAcceptable,
                $"Accept refuses all that is offered: {RowForms.JsonType}, {RowForms.ArrayType}, {RowForms.LinesType}, {RowForms.CsvType}."));
    }
}
