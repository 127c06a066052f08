using System.Text.Encodings.Web;
using Halo.Api.Errors;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;

namespace Halo.Api.Console.Parts;

/// <summary>Pages as results of a route: rendered on the server, whole before the first byte leaves, so that a fault on the way is an error and no half page.</summary>
static class Page
{
    /// <param name="parameters">Of the component, by name, as an anonymous object; <c>Http</c> is added.</param>
    public static IResult Of<TPage>(object? parameters = null, int status = 200) where TPage : IComponent => new RenderedPage<TPage>(parameters, status);

    /// <summary>A page that says one thing.</summary>
    public static IResult Message(int status, string title, string text) => Of<MessagePage>(new { Title = title, Text = text }, status);

    public static IResult NotFound(string text) => Message(404, "Not found", text);

    public static IResult Refused(Refusal refusal) => Message(refusal.Status, "Nothing was done", refusal.Message);

    /// <summary>After a form was taken: the browser goes to another page by GET, so that reloading does nothing twice.</summary>
    /// <param name="done">What the next page says was done, one of <see cref="Done"/>.</param>
    public static IResult Next(string path, string? done = null) => new SeeOther(done is null ? path : $"{path}?done={UrlEncoder.Default.Encode(done)}");

    sealed class SeeOther(string address) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.StatusCode = StatusCodes.Status303SeeOther;
            httpContext.Response.Headers.Location = address;
            return Task.CompletedTask;
        }
    }

    sealed class RenderedPage<TPage>(object? parameters, int status) : IResult where TPage : IComponent
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            var services = httpContext.RequestServices;
            var all = new RouteValueDictionary(parameters) { ["Http"] = httpContext };
            await using var renderer = new HtmlRenderer(services, services.GetRequiredService<ILoggerFactory>());
            var html = await renderer.Dispatcher.InvokeAsync(async () => (await renderer.RenderComponentAsync<TPage>(ParameterView.FromDictionary(all))).ToHtmlString());
            httpContext.Response.StatusCode = status;
            httpContext.Response.ContentType = "text/html; charset=utf-8";
            await httpContext.Response.WriteAsync(html, httpContext.RequestAborted);
        }
    }
}
