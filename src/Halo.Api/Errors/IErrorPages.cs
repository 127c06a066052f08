namespace Halo.Api.Errors;

/// <summary>How errors of the present request are shown where a person reads them: a feature of the request, where it is one for a page.</summary>
interface IErrorPages
{
    Task WriteAsync(HttpContext http, Refusal refusal);
}
